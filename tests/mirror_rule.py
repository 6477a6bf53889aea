"""MIRorR's networks with the golden folder's weights by rule, stored as `imgfp convert-mirror` stores a checkpoint."""

import json
import zlib
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

NETWORKS = {"googlenet": "googlenet", "resnet50": "resnet-50"}  # name in the golden folder: ours


def rule_variables(listed: Path) -> dict[str, np.ndarray]:
    """The variables that a golden `<network>_variables.json` describes: uniform random numbers, each with its seed."""
    variables = {}
    for entry in json.loads(listed.read_text()):
        drawn = np.random.RandomState(entry["seed"]).random_sample(entry["shape"])  # the folder's rule
        values = (entry["low"] + (entry["high"] - entry["low"]) * drawn).astype(np.float32)
        assert zlib.crc32(values.tobytes()) == entry["crc32"], entry["name"]
        variables[entry["name"]] = values
    return variables


def write_rule_weights(golden: Path, folder: Path) -> None:
    """`folder/NETWORK.safetensors` of every network that the golden folder has variables of."""
    folder.mkdir()
    for name, ours in NETWORKS.items():
        listed = golden / "mirror/networks" / f"{name}_variables.json"
        if listed.is_file():
            save_file(rule_variables(listed), folder / f"{ours}.safetensors")
