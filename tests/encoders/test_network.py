"""The network: normalisation, pooling, head and L2 norm, in training and evaluation; PCA as a head."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from imgfp.encoders import (
    EMBEDDED,
    EncoderConfig,
    Network,
    NetworkConfig,
    create_encoder,
    create_network,
    encoder_from_network,
    fit_pca_head,
)
from imgfp.encoders.esvit_specs import ESVIT
from imgfp.errors import InputError

SMALL = "test_byobnet"  # timm's models for tests: well below a million weights
ATTENTION = "test_vit"


def images(count: int = 3, size: int = 64) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (count, 3, size, size), dtype=np.uint8))


def network(architecture: str, dim: int = 16, **settings: float) -> Network:
    torch.manual_seed(0)
    return create_network(NetworkConfig(architecture, dim, **settings))


def refused(architecture: str, **settings: object) -> str:
    with pytest.raises(InputError) as caught:
        create_network(NetworkConfig(architecture, **settings))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("architecture", "size"), [("micro", 64), (SMALL, 64), (ATTENTION, 160)])
def test_rows(micro: str, architecture: str, size: int) -> None:
    made = network(micro if architecture == "micro" else architecture)
    rows = made(images(size=size))
    assert (rows.shape, rows.dtype, made.dim) == ((3, 16), torch.float32, 16)
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(rows, made(images(size=size).float()))
    rows[:, 0].sum().backward()
    assert all(
        parameter.grad is not None and parameter.grad.isfinite().all()
        for name, parameter in made.named_parameters()
        if name.startswith("head") or "norm1" in name
    )


def test_esvit_takes_any_size(micro: str) -> None:
    made = network(micro)
    for size in (32, 48, 64, 97):
        assert made(images(size=size)).isfinite().all()
    assert made.features(images()).shape == (3, ESVIT[micro].embed_dim * (2 + 4 + 4 + 8))


def test_esvit_is_normalised_as_imgfp_does(micro: str) -> None:
    made = network(micro).eval()
    normalised = (images() / 255 - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(3, 1, 1)
    torch.testing.assert_close(made.features(images()), made.trunk.features(normalised), atol=1e-5, rtol=0)


@pytest.mark.parametrize("power", [1.0, 3.0])
def test_gem(power: float) -> None:
    """Recomputed position by position."""
    made = network(SMALL, gem_p=power).eval()
    with torch.inference_mode():
        maps = made.trunk.forward_features((images().float() - made.mean) / made.std).double().numpy()
        got = made.features(images()).numpy()
    for image in range(3):
        for channel in range(maps.shape[1]):
            values = [max(value, 1e-6) ** power for value in maps[image, channel].ravel()]
            assert got[image, channel] == pytest.approx((sum(values) / len(values)) ** (1 / power), rel=1e-4)


def test_without_a_head_the_features_are_the_descriptor(micro: str) -> None:
    made = network(micro, dim=0).eval()
    assert made.dim == made.feature_dim == 144
    torch.testing.assert_close(made(images()), nn.functional.normalize(made.features(images()), dim=1))


@pytest.mark.parametrize("architecture", ["micro", SMALL])
def test_autocast_keeps_descriptors_in_float32(micro: str, architecture: str) -> None:
    made = network(micro if architecture == "micro" else architecture).eval()
    plain = made(images())
    with torch.autocast("cpu", torch.bfloat16):
        rows = made(images())
    rows.sum().backward()
    assert rows.dtype == torch.float32
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(rows, plain, atol=3e-2, rtol=0)
    assert made.head.weight.grad is not None


def test_same_seed_same_start(micro: str) -> None:
    states = [network(micro).state_dict() for _ in range(2)]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not {"mean", "std"} & states[0].keys()


def test_embedded_starts_at_its_imagenet_weights() -> None:
    made = network(EMBEDDED, dim=0)
    encoder = create_encoder(EncoderConfig(size=64))
    batch = images().permute(0, 2, 3, 1).numpy()
    np.testing.assert_array_equal(encoder_from_network(made, 64).encode(batch), encoder.encode(batch))


def test_timm_networks_start_from_safetensors(tmp_path: Path) -> None:
    source = network(SMALL)
    state = {name: tensor.contiguous() for name, tensor in source.trunk.state_dict().items()}
    save_file(state, tmp_path / "w.safetensors")
    torch.manual_seed(5)
    made = create_network(NetworkConfig(SMALL, 16, weights=str(tmp_path / "w.safetensors")))
    torch.testing.assert_close(made.trunk.state_dict(), source.trunk.state_dict())
    path = str(tmp_path / "no.safetensors")
    assert refused(SMALL, weights=path) == f"weights={path}: no such file: give a .safetensors file"


def test_drop_path() -> None:
    made = network("test_vit", drop_path=0.3)
    assert any(getattr(module, "drop_prob", 0) == pytest.approx(0.3) for module in made.modules())
    assert refused("vgg11", drop_path=0.1) == "drop_path=0.1: vgg11 does not support stochastic depth: leave it at 0"


def test_settings_that_make_no_sense_are_refused() -> None:
    assert refused("esvit_nano", gem_p=2.0) == (
        "gem_p=2.0 has no effect with esvit_nano, which uses token means: leave it at 3.0"
    )
    assert refused(SMALL, gem_p=0.0) == "gem_p=0.0: must be > 0"
    assert refused(SMALL, dim=-1).startswith("dim=-1: must be the descriptor dimension, or 0")
    assert refused(SMALL, drop_path=1.0).startswith("drop_path=1.0: must be >= 0 and < 1")
    message = refused("test_eficientnet")
    assert message.startswith(
        "architecture='test_eficientnet': unknown timm model: closest matches: test_efficientnet, "
    )
    message = refused("esvit_nanno")
    assert message.startswith("architecture='esvit_nanno': unknown timm model: closest matches: esvit_nano")


def test_encoder_on_a_network_in_training(micro: str) -> None:
    """It evaluates, follows the weights, and leaves every part in the mode it was in."""
    made = network(SMALL).train()
    frozen = next(module for module in made.modules() if isinstance(module, nn.BatchNorm2d)).eval()
    before = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    encoder = encoder_from_network(made, 64)
    batch = images().permute(0, 2, 3, 1).numpy()
    rows = encoder.encode(batch)
    assert (encoder.name, encoder.dim, encoder.size, rows.shape, rows.dtype) == (SMALL, 16, 64, (3, 16), np.float32)
    assert made.training
    assert {module for module in made.modules() if not module.training} == set(frozen.modules())
    assert all(torch.equal(before[name], tensor) for name, tensor in made.state_dict().items())
    np.testing.assert_array_equal(rows, made.eval()(images()).detach().numpy())
    with torch.no_grad():
        made.head.weight.mul_(-1)
    np.testing.assert_allclose(encoder.encode(batch), -rows, atol=1e-6)


def test_pca_head(micro: str) -> None:
    """Against the eigenvectors of the covariance; the centre of the data goes to 0."""
    made = network(micro, dim=4).eval()
    rng = np.random.default_rng(2)
    features = rng.normal(size=(60, 144)).astype(np.float32) * np.linspace(9, 1, 144, dtype=np.float32) ** 2 + 3
    fit_pca_head(made, features)
    with torch.inference_mode():
        projected = made.head(torch.from_numpy(features)).numpy()
    np.testing.assert_allclose(projected.mean(axis=0), 0, atol=1e-3)
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    wanted = centred @ vectors[:, ::-1][:, :4]
    np.testing.assert_allclose(np.abs(projected), np.abs(wanted), rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose((projected.astype(np.float64) ** 2).sum(axis=0), values[::-1][:4], rtol=1e-4)
    weight = made.head.weight.detach().numpy()
    assert (np.take_along_axis(weight, np.abs(weight).argmax(axis=1)[:, None], axis=1) > 0).all()
    with pytest.raises(
        InputError,
        match=r"^PCA to 4 dimensions needs more than 4 photographs, got 4: give more, lower network.dim, or",
    ):
        fit_pca_head(made, features[:4])
    with pytest.raises(InputError, match=r"^dim=0: the network has no head"):
        fit_pca_head(network(micro, dim=0), features)


@pytest.mark.parametrize("architecture", ["esvit_nano", SMALL, ATTENTION])
def test_checkpointed_gradients_are_the_same(architecture: str) -> None:
    """With dropped paths too: the second run of a block draws what the first drew."""
    path = {"drop_path": 0.3} if architecture == "esvit_nano" else {}
    given, gradients, runs = images(size=160 if architecture == ATTENTION else 64), [], []
    for checkpointed in (False, True):
        made = network(architecture, **path).train()
        if checkpointed:
            made.checkpoint_gradients()
        parts = [part for part in made.trunk.modules() if isinstance(part, nn.Linear | nn.Conv2d)]
        counts = {part: 0 for part in parts}

        def count(part: nn.Module, _: object, counts: dict[nn.Module, int] = counts) -> None:
            counts[part] += 1

        for part in parts:
            part.register_forward_pre_hook(count)
        torch.manual_seed(1)
        (made(given) * torch.arange(16)).sum().backward()
        gradients.append({name: item.grad for name, item in made.named_parameters() if item.grad is not None})
        runs.append(sum(counts.values()))
        with torch.inference_mode():
            made.eval()(given)
    assert runs[1] > runs[0], "nothing was run again"
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-4, atol=1e-5, msg=name)


def test_one_line_error_where_gradients_cannot_be_checkpointed(monkeypatch: pytest.MonkeyPatch) -> None:
    made = network(SMALL)
    monkeypatch.delattr(type(made.trunk), "set_grad_checkpointing")
    with pytest.raises(InputError, match=r"^trainer\.gradient_checkpointing=true: test_byobnet does not support it: "):
        made.checkpoint_gradients()
