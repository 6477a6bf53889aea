"""Weights as a safetensors file in half precision, beside a JSON card that says what they are, and their checksum."""

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
    """Writes both files. `card`: plain JSON; `network`, `classes` and `size` must be in it."""
    from safetensors.torch import save

    state = {}
    for name, tensor in model.state_dict().items():
        kept = tensor.detach().cpu().contiguous()
        state[name] = kept.half() if kept.is_floating_point() else kept
    write_bytes(path, save(state))
    write_json(path.with_suffix(".json"), {"schema": SCHEMA, **card, "sha256": hash_file(path)})


def read_card(path: Path) -> dict[str, Any]:
    """The card of weights, after comparing them with its checksum.

    Raises:
        InputError: a file is missing or damaged, the two do not belong together, or they are of another version.
    """
    file = path.with_suffix(".json")
    for needed in (path, file):
        if not needed.is_file():
            raise InputError(f"{needed}: no such file: an export is a .safetensors file and the .json card beside it")
    try:
        card = dict(json.loads(file.read_bytes()))
        names, size = card["classes"], card["size"]
        whole = card["network"] in NETWORKS and isinstance(names, list) and len(names) >= 1
        whole = whole and 64 <= size <= 4096 and size % 32 == 0 and {"schema", "sha256"} <= card.keys()
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise InputError(f"{file}: not a whole card of a detector: copy it again")
    if card["schema"] != SCHEMA:
        raise InputError(f"{file}: schema {card['schema']}, this version reads {SCHEMA}: export again")
    if hash_file(path) != card["sha256"]:
        raise InputError(f"{path}: not the weights that {file.name} describes: copy both again")
    return card


def fill(model: torch.nn.Module, path: Path, classes: tuple[str, ...], network: str) -> None:
    """Fills a network from an export of the same description and classes.

    Raises:
        InputError: another description or class list, or as for `read_card`.
    """
    from safetensors.torch import load_file

    card = read_card(path)
    for key, wanted, found in (("network", network, card["network"]), ("classes", list(classes), card["classes"])):
        if found != wanted:
            raise InputError(f"{path}: weights of {key} {found}, not {wanted}: give others, or change {key}")
    state = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in load_file(path).items()}
    expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
    if {name: tensor.shape for name, tensor in state.items()} != expected:
        raise InputError(f"{path}: its tensors are not those of {network}: the card was changed: copy it again")
    model.load_state_dict(state)
