"""Loads checkpoints of EsViT and imgFp into our network and reports what happened to every tensor.

EsViT's files are dicts with `student`, `teacher`, `optimizer`, `args` and more; imgFp's weights are under `model`. Names
may have the prefixes `module.` and `backbone.`; heads of self-supervised training (`head.mlp`, `head.last_layer`,
`head_dense`) are dropped; imgFp's `head.linear` is our head. timm assigns a downsampling layer to the stage after it,
EsViT to the stage before.
"""

import argparse
import re
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from imgfp.encoders.esvit_specs import ESVIT
from imgfp.encoders.load_report import LoadReport
from imgfp.encoders.model import Network
from imgfp.errors import InputError

PARTS = ("model", "teacher", "student")  # the first one present is used: EsViT evaluates the teacher
_HEAD = "head.linear."
_BLOCK = re.compile(r"layers\.(\d+)\.blocks\.(\d+)\.")
_TABLE = "relative_position_bias_table"


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint: tensors by name, prefixes removed. `source`: the file, and the part that was used."""

    path: Path
    source: str
    tensors: Mapping[str, Tensor]

    @property
    def head_dim(self) -> int:
        """Output dimension of imgFp's head; 0 without a head."""
        weight = self.tensors.get(f"{_HEAD}weight")
        return 0 if weight is None else len(weight)


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads tensors and plain values; the only class allowed is argparse.Namespace, which EsViT stores. No code is run.

    Raises:
        InputError: the file is missing or damaged, contains other objects, or no weights.
    """
    if not path.is_file():
        raise InputError(
            f"weights={path}: no such file: give an EsViT or imgFp checkpoint, or an export (.safetensors)"
        )
    try:
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol")  # reported by the error below
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types for damaged files, and pickle's for refused objects
        refused = re.search(r"GLOBAL (\S+)", str(error))
        if refused:
            raise InputError(
                f"weights={path}: contains {refused.group(1)}, which could run code; refused, nothing was run: "
                "save only the tensors"
            ) from None
        raise InputError(
            f"weights={path}: not a torch checkpoint, or truncated ({type(error).__name__}); nothing was run: download it again"
        ) from None
    part = next((name for name in PARTS if isinstance(content, dict) and isinstance(content.get(name), dict)), None)
    weights = content if part is None else content[part]
    if not isinstance(weights, dict) or not any(isinstance(value, Tensor) for value in weights.values()):
        raise InputError(
            f"weights={path}: contains no weights: expected tensors by name, or a dict with {', '.join(PARTS)}"
        )
    tensors = {
        str(name).replace("module.", "").replace("backbone.", ""): value
        for name, value in weights.items()
        if isinstance(value, Tensor)
    }
    return Checkpoint(path, str(path) if part is None else f"{path} ({part})", tensors)


def fill_esvit(network: Network, checkpoint: Checkpoint) -> LoadReport:
    """Loads a checkpoint into an EsViT. Position tables of another window size are interpolated bicubically, as in EsViT.

    A head that is missing from the checkpoint keeps its values.

    Raises:
        InputError: the architectures differ, or tensors are missing or of wrong shape.
    """
    require_structure(network.config.architecture, checkpoint)
    wanted = network.state_dict()
    state, dropped, interpolated = {}, [], []
    for name, tensor in checkpoint.tensors.items():
        ours = _our_name(name, network)
        if ours not in wanted:
            dropped.append(name)
            continue
        if name.endswith(_TABLE) and tensor.shape != wanted[ours].shape:
            interpolated.append(name)
            tensor = _interpolated(tensor, len(wanted[ours]))
        if tensor.shape != wanted[ours].shape:
            fix = f": set dim={len(tensor)}" if name.startswith(_HEAD) else ": use the matching architecture"
            raise InputError(
                f"weights={checkpoint.path}: '{name}' has shape {tuple(tensor.shape)}, "
                f"{network.config.architecture} needs {tuple(wanted[ours].shape)}{fix}"
            )
        state[ours] = (name, tensor)
    missing = [name for name in wanted if name not in state]
    required = [name for name in missing if not name.startswith("head.")]
    if required:
        raise InputError(
            f"weights={checkpoint.path}: {len(required)} tensors of {network.config.architecture} missing, "
            f"first '{required[0]}': download it again"
        )
    network.load_state_dict({ours: tensor for ours, (_, tensor) in state.items()}, strict=False)
    used = tuple(name for name, _ in state.values())
    return LoadReport(checkpoint.source, used, tuple(dropped), tuple(missing), tuple(interpolated))


def _our_name(name: str, network: Network) -> str:
    if name.startswith(_HEAD):
        return name.replace(_HEAD, "head.") if network.config.dim else ""
    if name.startswith("head"):
        return ""
    return "trunk." + re.sub(
        r"^layers\.(\d+)\.downsample", lambda found: f"layers.{int(found[1]) + 1}.downsample", name
    )


def _interpolated(table: Tensor, rows: int) -> Tensor:
    """Resizes a (2w - 1)^2 x heads table to another window size w."""
    old, new = round(len(table) ** 0.5), round(rows**0.5)
    square = table.float().T.reshape(1, -1, old, old)
    return nn.functional.interpolate(square, size=(new, new), mode="bicubic").reshape(-1, rows).T


def require_structure(architecture: str, checkpoint: Checkpoint) -> None:
    """Raises InputError where a checkpoint is that of another architecture."""
    wanted = ESVIT[architecture]
    found = _structure(checkpoint.tensors)
    if found == wanted.structure:
        return
    if found is None:
        first = ", ".join(list(checkpoint.tensors)[:3])
        content = f"no Swin transformer (first tensors: {first})"
    else:
        known = next((name.rsplit("_w", 1)[0] for name, spec in ESVIT.items() if spec.structure == found), "a Swin")
        content = f"{known} ({_described(found)})"
    raise InputError(
        f"weights={checkpoint.path}: contains {content}, "
        f"not {architecture} ({_described(wanted.structure)}): change the architecture or the weights"
    )


Structure = tuple[int, tuple[int, ...], tuple[int, ...]]  # embedding, depths, heads


def _structure(tensors: Mapping[str, Tensor]) -> Structure | None:
    """The structure according to tensor names and shapes; None if it is not a Swin transformer."""
    blocks = {(int(found[1]), int(found[2])) for name in tensors if (found := _BLOCK.match(name))}
    stages = Counter(stage for stage, _ in blocks)
    tables = [tensors.get(f"layers.{stage}.blocks.0.attn.{_TABLE}") for stage in sorted(stages)]
    first = tensors.get("patch_embed.proj.weight")
    if first is None or not tables or any(table is None or table.ndim != 2 for table in tables):
        return None
    heads = tuple(table.shape[1] for table in tables if table is not None)
    return first.shape[0], tuple(stages[stage] for stage in sorted(stages)), heads


def _described(structure: Structure) -> str:
    embed_dim, depths, heads = structure
    return f"width {embed_dim}, depths {'-'.join(map(str, depths))}, heads {'-'.join(map(str, heads))}"
