"""The allow-list of packages that a configuration or a model card may name, and what their classes must offer."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from custom_package import announce_package, write_package

from imgfp.encoders import (
    CustomNetworkConfig,
    EncoderConfig,
    create_encoder,
    create_network,
    export_network,
    load_export,
)
from imgfp.encoders.build_check import check_network
from imgfp.errors import InputError
from imgfp.learning.losses import CustomLossConfig, check_custom_loss, create_loss
from imgfp.learning.recipe import Recipe
from imgfp.plugins import allow_packages, load_class

SMALL = {"_target_": "outside.nets.Small", "width": 4}
NOT_ALLOWED = (
    "{} names outside.nets.Small, and outside is not allowed to run code: if you trust it, add plugins=[outside] to the "
    "command of a script, or set IMGFP_PLUGINS=outside"
)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return write_package(tmp_path, monkeypatch)


def said(call, *arguments) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_package_must_be_allowed(package: Path) -> None:
    assert said(load_class, "outside.nets.Small", "network._target_") == NOT_ALLOWED.format("network._target_")
    allow_packages(["outside"])
    assert load_class("outside.nets.Small", "here").__name__ == "Small"
    assert "is not allowed" in said(load_class, "outsiders.nets.Small", "here"), "a package, not the start of its name"


def test_an_installed_package_announces_itself(package: Path) -> None:
    announce_package(package, "outside")
    assert load_class("outside.nets.Small", "here").__name__ == "Small"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("os.system", "here names os.system, and os is not allowed to run code: "),
        (
            "imgfp.plugins.os.system",
            "here: imgfp.plugins.os.system: there is no module imgfp.plugins.os: check the name",
        ),
        ("imgfp.plugins.load_class", "here: imgfp.plugins.load_class is not a subclass of torch.nn.Module: "),
        (
            "outside.nets.function",
            "here: outside.nets.function is not a subclass of torch.nn.Module: give a class that is",
        ),
        ("outside.nets.Smal", "here: outside.nets has no class Smal: did you mean Small?"),
        ("outside.nett.Small", "here: outside.nett.Small: there is no module outside.nett: check the name"),
        ("outside.broken.Small", "here: outside.broken.Small: ZeroDivisionError: division by zero ("),
        ("Small", "here: 'Small' is not the name of a class: give PACKAGE.MODULE.CLASS"),
        (
            "elsewhere.nets.Small",
            "here: elsewhere.nets.Small: there is no module elsewhere: install elsewhere, or put the folder that contains it",
        ),
    ],
)
def test_what_may_not_be_named(package: Path, target: str, message: str) -> None:
    allow_packages(["outside", "elsewhere"])
    assert said(load_class, target, "here").startswith(message)


def test_only_packages_are_allowed(package: Path) -> None:
    assert said(allow_packages, ["my package"]).startswith("plugins=[my package]: not the name of a Python package")


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            {"_target_": "outside.nets.Small"},
            "network: outside.nets.Small requires the argument 'width': give network.width=VALUE",
        ),
        (
            SMALL | {"widht": 3},
            "network.widht: outside.nets.Small has no argument 'widht': did you mean 'network.width'?",
        ),
        (SMALL | {"deep": 3}, "network.deep: outside.nets.Small has no argument 'deep': it has width, dim"),
        (
            SMALL | {"width": {"_target_": "os.system"}},
            "network.width: only network itself may have a _target_, its arguments are plain values",
        ),
    ],
)
def test_arguments_are_checked(package: Path, node: dict[str, object], message: str) -> None:
    allow_packages(["outside"])
    assert said(CustomNetworkConfig.of, node) == message


def test_a_network_from_outside(package: Path) -> None:
    allow_packages(["outside"])
    config = CustomNetworkConfig.of(SMALL)
    assert config.arguments == {"width": 4, "dim": 8}, "the class's own defaults are recorded too"
    torch.manual_seed(0)
    network = create_network(config).eval()
    pixels = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    rows = network(pixels)
    assert rows.shape == (3, 8)
    assert torch.allclose(rows.norm(dim=1), torch.ones(3), atol=1e-6)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    seen = (pixels / 255 - mean[:, None, None]) / std[:, None, None]
    assert torch.allclose(rows, torch.nn.functional.normalize(network.trunk(seen), dim=1), atol=1e-6)
    plain = create_network(CustomNetworkConfig.of({"_target_": "outside.nets.Plain", "width": 4}))
    assert torch.allclose(plain.features(pixels), plain.trunk(pixels / 255), atol=1e-6)
    assert check_network(config, (32, 48)) == 8


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Map", "returned shape (2, 4, 7, 7) for two images: it must return a tensor (n, 8), a row per image"),
        ("Nothing", "returned a row of zeros, which cannot be brought to L2 norm 1: it must"),
        ("Infinite", "returned values that are not finite numbers for random pixels: it must"),
        ("Frozen", "has no parameter that could be trained"),
        ("Fails", "fails on images of size 32: RuntimeError: of its own ("),
        ("NoDim", "has dim=None: set the attribute `dim` to the length of a descriptor"),
        ("Refuses", "refused its arguments: ValueError: width must be even ("),
    ],
)
def test_a_network_that_breaks_its_contract(package: Path, name: str, message: str) -> None:
    allow_packages(["outside"])
    arguments = {} if name in ("Frozen", "NoDim", "Refuses") else {"width": 4}
    told = said(check_network, CustomNetworkConfig.of({"_target_": f"outside.nets.{name}", **arguments}), (32,))
    assert told.startswith(f"network: outside.nets.{name} {message}")


def test_a_loss_from_outside(package: Path) -> None:
    allow_packages(["outside"])
    config = CustomLossConfig.of({"_target_": "outside.losses.Spread", "margin": 0.25})
    check_custom_loss(config, 6)
    loss = create_loss(config, 6)
    assert loss.loss.dim == 6, "the length of a descriptor, which only the network knows"
    rows = torch.nn.functional.normalize(torch.ones(2, 6, requires_grad=True), dim=1)
    assert loss(rows, torch.tensor([0, 1])).item() == pytest.approx(0.75 * 2)
    empty = loss(rows[:0], torch.zeros(0, dtype=torch.int64))
    assert float(empty) == 0
    empty.backward()
    assert loss.loss.scale.grad is not None, "a process without images must not hold up the others"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Rows", "returned shape (6,)"),
        ("NotANumber", "returned nan for random descriptors"),
        ("Constant", "returned a number without a gradient"),
        ("Float", "returned float"),
    ],
)
def test_a_loss_that_breaks_its_contract(package: Path, name: str, message: str) -> None:
    allow_packages(["outside"])
    told = said(check_custom_loss, CustomLossConfig.of({"_target_": f"outside.losses.{name}"}), 6)
    assert told == f"loss: outside.losses.{name} {message}: it must return one finite number with a gradient"


def test_a_recipe_holds_class_and_arguments(package: Path) -> None:
    allow_packages(["outside"])
    recipe = Recipe(
        CustomNetworkConfig.of(SMALL), CustomLossConfig.of({"_target_": "outside.losses.Spread", "margin": 0.3})
    )
    plain = recipe.as_plain()
    assert plain["network"] == {"_target_": "outside.nets.Small", "width": 4, "dim": 8}
    assert plain["loss"] == {"_target_": "outside.losses.Spread", "margin": 0.3}
    others = [
        replace(recipe, network=CustomNetworkConfig.of(SMALL | {"width": 5})),
        replace(recipe, loss=CustomLossConfig.of({"_target_": "outside.losses.Spread", "margin": 0.4})),
        replace(recipe, network=CustomNetworkConfig.of(SMALL | {"_target_": "outside.nets.Plain"})),
    ]
    assert len({item.fingerprint() for item in [recipe, *others]}) == 4
    assert said(lambda: replace(recipe, head="pca")).startswith("head='pca' is for imgfp's head")


def test_an_export_is_loaded_again_where_its_class_is_allowed(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    allow_packages(["outside"])
    network = create_network(CustomNetworkConfig.of(SMALL)).eval()
    path = package / "own.safetensors"
    export_network(network, path, {"size": 32})
    pixels = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    again, card = load_export(path)
    assert (card["architecture"], card["arguments"], card["dim"]) == ("outside.nets.Small", {"width": 4, "dim": 8}, 8)
    assert torch.allclose(again.eval()(pixels), network(pixels), atol=1e-6)
    encoder = create_encoder(EncoderConfig(weights=str(path)))
    assert (encoder.name, encoder.dim, encoder.size) == ("outside.nets.Small", 8, 32)
    started = create_network(CustomNetworkConfig.of(SMALL | {"_weights_": str(path)})).eval()
    assert torch.allclose(started(pixels), network(pixels), atol=1e-6)
    other = CustomNetworkConfig.of(SMALL | {"width": 5, "_weights_": str(path)})
    assert said(create_network, other).endswith(
        "its tensors do not match outside.nets.Small, its code or arguments have changed: use those that it was exported with"
    )
    monkeypatch.setenv("IMGFP_PLUGINS", "")
    assert said(load_export, path) == NOT_ALLOWED.format(path.with_suffix(".json"))
