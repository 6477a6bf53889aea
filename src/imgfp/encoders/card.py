"""Exports: a network as NAME.safetensors with a model card NAME.json: architecture, training settings and checksum."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from imgfp.encoders.custom import CustomNetwork, CustomNetworkConfig
from imgfp.encoders.esvit_specs import ESVIT
from imgfp.encoders.model import GEM_P, Network, NetworkConfig
from imgfp.errors import InputError
from imgfp.files import hash_file, write_bytes, write_json
from imgfp.plugins import load_class

SCHEMA = 1
_REQUIRED: dict[str, Any] = {  # keys of every card and their types
    "schema": int,
    "architecture": str,
    "dim": int,
    "gem_p": (int, float, type(None)),
    "size": int,
    "sha256": str,
}


def export_network(network: Network, path: Path, card: Mapping[str, object]) -> None:
    """Writes the weights to `path` (.safetensors) and the model card next to it (.json).

    Args:
        network: The network to export, on any device.
        path: File of the weights.
        card: Plain JSON values. `size`, the input size in pixels, is required; the rest (recipe, data, metrics) is up to
            the caller.
    """
    from safetensors.torch import save

    assert path.suffix == ".safetensors", f"{path}: exports end in .safetensors"
    own = {
        "schema": SCHEMA,
        "architecture": network.config.architecture,
        "dim": network.config.dim,
        "gem_p": None if network.config.architecture in ESVIT else network.config.gem_p,
    }
    if isinstance(network.config, CustomNetworkConfig):
        own |= {"dim": network.dim, "arguments": dict(network.config.arguments)}
    assert not card.keys() & (own.keys() | {"sha256"}), "these keys are set here"
    assert isinstance(card["size"], int), "the input size is required"
    state = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in network.state_dict().items()
    }
    write_bytes(path, save(state))
    write_json(card_path(path), {**own, **card, "sha256": hash_file(path)})


def card_path(path: Path) -> Path:
    """The path of the model card of an export."""
    return path.with_suffix(".json")


def read_card(path: Path) -> dict[str, Any]:
    """Reads the model card of the export `path`; the weights are not read.

    Raises:
        InputError: the card is missing, damaged or of an unknown schema version.
    """
    file = card_path(path)
    if not file.is_file():
        raise InputError(f"{path}: model card {file.name} missing: an export consists of both files, copy both")
    try:
        card = json.loads(file.read_bytes())
        complete = isinstance(card, dict) and all(isinstance(card[key], kind) for key, kind in _REQUIRED.items())
        complete = complete and isinstance(card.get("arguments", {}), dict)
    except (ValueError, KeyError):
        complete = False
    if not complete:
        raise InputError(f"{file}: incomplete model card: copy the export again")
    if card["schema"] != SCHEMA:
        raise InputError(
            f"{file}: schema {card['schema']} is not supported, expected {SCHEMA}: export the network again"
        )
    return dict(card)


def config_of(card: Mapping[str, Any]) -> NetworkConfig | CustomNetworkConfig:
    """The network that a card describes; `arguments` are those of a class from outside."""
    if "arguments" in card:
        return CustomNetworkConfig(str(card["architecture"]), dict(card["arguments"]))
    return NetworkConfig(card["architecture"], card["dim"], GEM_P if card["gem_p"] is None else card["gem_p"])


def load_export(path: Path) -> tuple[Network, dict[str, Any]]:
    """Builds the network of an export; returns it and its model card.

    Raises:
        InputError: a file is missing or damaged, or weights and card do not match.
    """
    card = read_card(path)
    config = replace(config_of(card), weights=str(path))
    if isinstance(config, CustomNetworkConfig):
        load_class(config.target, str(card_path(path)))  # says which file names it
        network: Network = CustomNetwork(config)
    else:
        network = Network(config)
    fill_from_export(network, path)
    return network, card


def check_export(wanted: NetworkConfig | CustomNetworkConfig, path: Path) -> None:
    """Refuses an export of another network, or one that is not whole; its tensors are not loaded.

    Raises:
        InputError: the card differs from `wanted`, or as for `load_export`.
    """
    card = read_card(path)
    described = config_of(card)
    for key in ("architecture", "dim", "gem_p"):
        given, exported = getattr(wanted, key), getattr(described, key)
        if given != exported:
            raise InputError(f"{path}: its model card has {key}={exported!r}, not {given!r}: set {key}={exported}")
    if not path.is_file():
        raise InputError(
            f"{path}: weights missing, only the model card found: an export consists of both files, copy both"
        )
    found = hash_file(path)
    if found != card["sha256"]:
        raise InputError(
            f"{path}: sha256 {found[:12]}... differs from {card['sha256'][:12]}... in {card_path(path).name}: "
            "copy both files of the export again"
        )


def fill_from_export(network: Network, path: Path) -> None:
    """Loads the weights of an export into a network of the same structure.

    Raises:
        InputError: the structures differ, or as for `load_export`.
    """
    from safetensors.torch import load_file

    check_export(network.config, path)
    wanted = network.config
    state = load_file(path)
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    if {name: tuple(tensor.shape) for name, tensor in state.items()} != expected:
        own = isinstance(wanted, CustomNetworkConfig)
        cause = "its code or arguments" if own else "the model card"
        fix = "use those that it was exported with" if own else "copy the export again"
        verb = "have" if own else "was"
        raise InputError(f"{path}: its tensors do not match {wanted.architecture}, {cause} {verb} changed: {fix}")
    network.load_state_dict(state)
