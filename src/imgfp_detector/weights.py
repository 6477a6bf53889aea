"""Weights as a safetensors file in half precision, with a JSON model card that includes their checksum."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from imgfp.errors import InputError
from imgfp.files import hash_file, write_bytes, write_json
from imgfp_detector.recipe import NETWORKS

SHIPPED = Path(__file__).with_name("weights") / "overlay_yolov5n.safetensors"
SCHEMA = 1


def write_weights(model: torch.nn.Module, path: Path, card: Mapping[str, object]) -> None:
    """Writes weights and card. `card`: plain JSON values; `network`, `classes` and `size` are required."""
    from safetensors.torch import save

    state = {}
    for name, tensor in model.state_dict().items():
        value = tensor.detach().cpu().contiguous()
        state[name] = value.half() if value.is_floating_point() else value
    write_bytes(path, save(state))
    write_json(path.with_suffix(".json"), {"schema": SCHEMA, **card, "sha256": hash_file(path)})


def read_card(path: Path) -> dict[str, Any]:
    """Reads the model card of weights and verifies their checksum.

    Raises:
        InputError: a file is missing or damaged, the two do not match, or the schema version differs.
    """
    file = path.with_suffix(".json")
    for needed in (path, file):
        if not needed.is_file():
            raise InputError(
                f"{needed}: no such file: an export consists of a .safetensors file and its .json model card, copy both"
            )
    try:
        card = dict(json.loads(file.read_bytes()))
        names, size = card["classes"], card["size"]
        complete = card["network"] in NETWORKS and isinstance(names, list) and len(names) >= 1
        complete = complete and 64 <= size <= 4096 and size % 32 == 0 and {"schema", "sha256"} <= card.keys()
    except (ValueError, KeyError, TypeError):
        complete = False
    if not complete:
        raise InputError(f"{file}: incomplete model card of a detector: copy the export again")
    if card["schema"] != SCHEMA:
        raise InputError(
            f"{file}: schema {card['schema']} is not supported, expected {SCHEMA}: export the network again"
        )
    if hash_file(path) != card["sha256"]:
        raise InputError(f"{path}: does not match the checksum in {file.name}: copy both files of the export again")
    return card


def fill(model: torch.nn.Module, path: Path, classes: tuple[str, ...], network: str) -> None:
    """Loads an export into a network of the same architecture and classes.

    Raises:
        InputError: a different architecture or class list, or as for `read_card`.
    """
    from safetensors.torch import load_file

    card = read_card(path)
    for key, wanted, found in (("network", network, card["network"]), ("classes", list(classes), card["classes"])):
        if found != wanted:
            raise InputError(f"{path}: weights for {key} {found}, not {wanted}: use other weights or change {key}")
    state = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in load_file(path).items()}
    expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
    if {name: tensor.shape for name, tensor in state.items()} != expected:
        raise InputError(
            f"{path}: its tensors do not match {network}, the model card was changed: copy the export again"
        )
    model.load_state_dict(state)
