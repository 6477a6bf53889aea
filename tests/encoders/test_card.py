"""Exports with their cards: there and back, and what is said about spoiled ones."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from imgfp.encoders import (
    EncoderConfig,
    Network,
    NetworkConfig,
    create_encoder,
    create_network,
    export_network,
    load_export,
    resolve_encoder,
)
from imgfp.errors import InputError
from imgfp.files import hash_file

SMALL = "test_byobnet"


@pytest.fixture(params=["micro", SMALL])
def exported(request: pytest.FixtureRequest, micro: str, tmp_path: Path) -> tuple[Network, Path]:
    torch.manual_seed(0)
    settings = {"architecture": micro} if request.param == "micro" else {"architecture": SMALL, "gem_p": 2.0}
    network = Network(NetworkConfig(dim=8, **settings)).eval()
    path = tmp_path / "x.safetensors"
    export_network(network, path, {"size": 48, "recipe": {"loss": "contrastive"}, "figures": {"uap": 0.25}})
    return network, path


def batch(size: int = 48) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype=np.uint8)


def rows_of(network: Network) -> np.ndarray:
    with torch.inference_mode():
        return network(torch.from_numpy(batch()).permute(0, 3, 1, 2)).numpy()


def refused(path: Path, **settings: object) -> str:
    """What loading it, describing with it and training from it say."""
    expected = set()
    for attempt in (lambda: load_export(path), lambda: create_encoder(EncoderConfig(weights=str(path), **settings))):
        with pytest.raises(InputError) as caught:
            attempt()
        expected.add(str(caught.value))
    assert len(expected) == 1
    message = expected.pop()
    assert "\n" not in message
    return message


def change(path: Path, **values: object) -> None:
    card = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps(card | values))


def test_round_trip(exported: tuple[Network, Path]) -> None:
    network, path = exported
    loaded, card = load_export(path)
    np.testing.assert_array_equal(rows_of(loaded.eval()), rows_of(network))
    assert (loaded.config.architecture, loaded.config.dim, loaded.config.gem_p) == (
        network.config.architecture,
        8,
        network.config.gem_p,
    )
    assert card == {
        "schema": 1,
        "architecture": network.config.architecture,
        "dim": 8,
        "gem_p": 2.0 if network.config.architecture == SMALL else None,
        "size": 48,
        "sha256": hash_file(path),
        "recipe": {"loss": "contrastive"},
        "figures": {"uap": 0.25},
    }


def test_same_network_same_bytes(exported: tuple[Network, Path], tmp_path: Path) -> None:
    network, path = exported
    export_network(network.train(), tmp_path / "again.safetensors", {"size": 48})
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_encoder_takes_all_from_the_card(exported: tuple[Network, Path]) -> None:
    network, path = exported
    encoder = create_encoder(EncoderConfig(weights=str(path)))
    assert (encoder.name, encoder.dim, encoder.size) == (network.config.architecture, 8, 48)
    np.testing.assert_array_equal(encoder.encode(batch()), rows_of(network))
    named = EncoderConfig(network.config.architecture, str(path), 48)
    assert resolve_encoder(named) == resolve_encoder(EncoderConfig(weights=str(path)))


def test_settings_against_the_card(exported: tuple[Network, Path]) -> None:
    network, path = exported
    for settings, expected in (
        (
            {"name": "resnet18"},
            f"encoder.name='resnet18', but the model card of {path} has '{network.config.architecture}'",
        ),
        ({"size": 224}, f"encoder.size=224, but the model card of {path} has 48: remove encoder.size"),
        ({"gem_p": 5.0}, f"encoder.gem_p=5.0, but the model card of {path} has "),
    ):
        with pytest.raises(InputError) as caught:
            create_encoder(EncoderConfig(weights=str(path), **settings))
        assert expected in str(caught.value)


def test_training_starts_from_an_export(exported: tuple[Network, Path]) -> None:
    network, path = exported
    config = network.config
    settings = {"architecture": config.architecture, "dim": 8, "gem_p": config.gem_p, "weights": str(path)}
    np.testing.assert_array_equal(rows_of(create_network(NetworkConfig(**settings)).eval()), rows_of(network))
    with pytest.raises(InputError, match=rf"^{path}: its model card has dim=8, not 16: set dim=8$"):
        create_network(NetworkConfig(**settings | {"dim": 16}))
    with pytest.raises(
        InputError, match=rf"^{path}: its model card has architecture='{config.architecture}', not 'test_vit'"
    ):
        create_network(NetworkConfig("test_vit", 8, weights=str(path)))


def test_a_flipped_bit(exported: tuple[Network, Path]) -> None:
    path = exported[1]
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    message = refused(path)
    assert message.startswith(f"{path}: sha256 {hash_file(path)[:12]}... differs from ")
    assert message.endswith("copy both files of the export again")
    path.write_bytes(content[:100])
    assert "in x.json: copy both files" in refused(path)


def test_the_card_of_a_different_export(exported: tuple[Network, Path]) -> None:
    network, path = exported
    with torch.no_grad():
        network.head.bias.add_(1)
    export_network(network, path.with_name("y.safetensors"), {"size": 48})
    path.with_suffix(".json").write_bytes(path.with_name("y.json").read_bytes())
    assert "copy both files of the export again" in refused(path)


def test_a_changed_card(exported: tuple[Network, Path]) -> None:
    path = exported[1]
    change(path, dim=9)
    assert refused(path).startswith(f"{path}: its tensors do not match ")
    change(path, dim=8, architecture="no_such_model")
    assert "'no_such_model': unknown timm model: closest matches: " in refused(path)
    change(path, schema=2)
    assert (
        refused(path) == f"{path.with_suffix('.json')}: schema 2 is not supported, expected 1: export the network again"
    )
    for content in (b"", b"[1]", b'{"schema": 1}', b"\xff", path.with_suffix(".json").read_bytes()[:-9]):
        path.with_suffix(".json").write_bytes(content)
        assert refused(path) == f"{path.with_suffix('.json')}: incomplete model card: copy the export again"


def test_one_of_the_two_files_is_missing(exported: tuple[Network, Path]) -> None:
    network, path = exported
    content = path.read_bytes()
    path.unlink()
    assert (
        refused(path)
        == f"{path}: weights missing, only the model card found: an export consists of both files, copy both"
    )
    path.write_bytes(content)
    path.with_suffix(".json").unlink()
    with pytest.raises(
        InputError, match=rf"^{path}: model card x.json missing: an export consists of both files, copy both$"
    ):
        load_export(path)
    for config, expected in (
        (EncoderConfig(weights=str(path)), "give an export (.safetensors) with its model card (.json) next to it"),
        (EncoderConfig(network.config.architecture, str(path)), "an export consists of both files, copy both"),
    ):
        with pytest.raises(InputError) as caught:
            create_encoder(config)
        assert expected in str(caught.value)


def test_an_esvit_without_weights_or_with_a_setting_without_effect(micro: str) -> None:
    with pytest.raises(
        InputError, match=r"^encoder.name='esvit_micro_w4': no pretrained weights are bundled: give encoder.wei"
    ):
        create_encoder(EncoderConfig(micro))
    with pytest.raises(InputError, match=r"^encoder.gem_p=3.0 has no effect with esvit_micro_w4: remove it$"):
        create_encoder(EncoderConfig(micro, gem_p=3.0))
