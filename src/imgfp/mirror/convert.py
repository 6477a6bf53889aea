"""Converts MIRorR's published checkpoints to safetensors."""

from pathlib import Path

import numpy as np
from safetensors.numpy import save

from imgfp.errors import InputError
from imgfp.files import write_bytes
from imgfp.mirror.networks import network_variables
from imgfp.mirror.tf_checkpoint import Checkpoint
from imgfp.progress import track


def convert_checkpoint(checkpoint: Path, network: str, out: Path | None = None) -> tuple[Path, int]:
    """Writes the variables of a network, under their names and in their layout in the checkpoint, to a safetensors file.

    Other tensors (loss layers, the optimizer's slots, `global_step`) are left out. The file's metadata name the network.

    Args:
        checkpoint: the prefix, such as `model.ckpt-1000`, or its `.index` file.
        network: "googlenet" or "resnet-50".
        out: the file to write; None: `PREFIX.safetensors`.

    Returns:
        The file that was written, and the number of variables.

    Raises:
        InputError: no such checkpoint, a damaged one, or one that lacks a variable or has it in another shape or type.
    """
    wanted = network_variables(network)
    opened = Checkpoint.open(checkpoint)
    present = set(opened.names)
    for name, shape in wanted.items():  # all before the first megabyte is read
        if name not in present:
            raise InputError(
                f"{opened.prefix}: no variable {name}, which {network} needs: give the checkpoint of a {network}"
            )
        entry = opened.entry(name)
        if entry.shape != shape or entry.dtype != np.float32:
            raise InputError(
                f"{opened.prefix}: variable {name} is {entry.dtype or 'string'} of shape {entry.shape}, not float32 of "
                f"{shape}: give the checkpoint of a {network}"
            )
    tensors = {
        name: opened.read(name) for name in track(sorted(wanted), len(wanted), "reading the checkpoint", "variables")
    }
    out = out or opened.prefix.with_name(f"{opened.prefix.name}.safetensors")
    write_bytes(out, save(tensors, metadata={"network": network}))
    return out, len(tensors)
