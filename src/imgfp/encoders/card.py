"""Exports: a network as NAME.safetensors, and NAME.json, a card that tells what it is, how it was made and its checksum."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from imgfp.encoders.esvit_specs import ESVIT
from imgfp.encoders.model import GEM_P, Network, NetworkConfig
from imgfp.errors import InputError
from imgfp.files import hash_file, write_bytes, write_json

SCHEMA = 1
_OWN: dict[str, Any] = {
    "schema": int,
    "architecture": str,
    "dim": int,
    "gem_p": (int, float, type(None)),
    "size": int,
    "sha256": str,
}


def export_network(network: Network, path: Path, card: Mapping[str, object]) -> None:
    """Writes `path` (.safetensors) and its card beside it (.json).

    Args:
        network: What is exported; on any device.
        path: Where the weights go.
        card: Plain JSON values. `size`, the side pictures are resized to, must be among them; the rest (recipe, data,
            figures) is up to the caller.
    """
    from safetensors.torch import save

    assert path.suffix == ".safetensors", f"{path}: exports end in .safetensors"
    own = {
        "schema": SCHEMA,
        "architecture": network.config.architecture,
        "dim": network.config.dim,
        "gem_p": None if network.config.architecture in ESVIT else network.config.gem_p,
    }
    assert not card.keys() & (own.keys() | {"sha256"}), "the card's own keys are filled in here"
    assert isinstance(card["size"], int), "a card tells the picture side"
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    write_bytes(path, save(state))
    write_json(card_path(path), {**own, **card, "sha256": hash_file(path)})


def card_path(path: Path) -> Path:
    """Where the card of an export lies."""
    return path.with_suffix(".json")


def read_card(path: Path) -> dict[str, Any]:
    """The card of the export `path`; the weights are not looked at.

    Raises:
        InputError: no card, a damaged one, or one of another version.
    """
    file = card_path(path)
    if not file.is_file():
        raise InputError(f"{path}: no card {file.name} beside it: an export is both files, copy both")
    try:
        card = json.loads(file.read_bytes())
        whole = isinstance(card, dict) and all(isinstance(card[key], kind) for key, kind in _OWN.items())
    except (ValueError, KeyError):
        whole = False
    if not whole:
        raise InputError(f"{file}: not a whole card of an export: copy it again")
    if card["schema"] != SCHEMA:
        raise InputError(f"{file}: schema {card['schema']}, this version reads {SCHEMA}: export again")
    return dict(card)


def config_of(card: Mapping[str, Any]) -> NetworkConfig:
    """The network that a card describes."""
    return NetworkConfig(card["architecture"], card["dim"], GEM_P if card["gem_p"] is None else card["gem_p"])


def load_export(path: Path) -> tuple[Network, dict[str, Any]]:
    """Builds the network of an export, and gives its card.

    Raises:
        InputError: a file is missing, damaged, or the two do not belong together.
    """
    card = read_card(path)
    network = Network(replace(config_of(card), weights=str(path)))
    fill_from_export(network, path)
    return network, card


def fill_from_export(network: Network, path: Path) -> None:
    """Fills a network from an export of the same structure.

    Raises:
        InputError: another structure, or as for `load_export`.
    """
    from safetensors.torch import load_file

    card = read_card(path)
    described, wanted = config_of(card), network.config
    for key in ("architecture", "dim", "gem_p"):
        given, exported = getattr(wanted, key), getattr(described, key)
        if given != exported:
            raise InputError(f"{path}: its card says {key}={exported!r}, not {given!r}: give {key}={exported}")
    if not path.is_file():
        raise InputError(f"{path}: no such file, only its card: an export is both files, copy both")
    found = hash_file(path)
    if found != card["sha256"]:
        raise InputError(
            f"{path}: sha256 {found[:12]}..., its card {card_path(path).name} says {card['sha256'][:12]}...: "
            "damaged, or the card of another export: copy both again"
        )
    state = load_file(path)
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    if {name: tuple(tensor.shape) for name, tensor in state.items()} != expected:
        raise InputError(
            f"{path}: its tensors are not those of {wanted.architecture}: the card was changed: copy it again"
        )
    network.load_state_dict(state)
