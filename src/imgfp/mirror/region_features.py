"""Regional features of a set of images, and MIRorR's files of them: one `.npy` [dim, regions] per image, and their list."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from imgfp.errors import InputError
from imgfp.files import atomic_path, read_lines


@dataclass(frozen=True)
class RegionFeatures:
    """The same number of regions for each of n images.

    Attributes:
        ids: n unique ids.
        values: (n, regions, dim) float32, C order, **not normalised**.
        made_with: What they were made with, as plain JSON values; empty where unknown.
    """

    ids: tuple[str, ...]
    values: np.ndarray
    made_with: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or len(self.values) != len(self.ids) or self.values.dtype != np.float32:
            raise ValueError(f"{len(self.ids)} ids for {self.values.dtype} values of shape {self.values.shape}")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def regions(self) -> int:
        """Regions per image."""
        return int(self.values.shape[1])

    @property
    def dim(self) -> int:
        """Dimension of a region's vector."""
        return int(self.values.shape[2])


def unique_names(paths: Sequence[str]) -> tuple[str, ...]:
    """A name for each image's files: the file's stem, or its path without suffix where several files share a stem.

    Raises:
        InputError: two paths that differ in the suffix only.
    """
    stems = Counter(PurePath(path).stem for path in paths)
    common = os.path.commonpath([os.path.dirname(path) for path in paths]) if paths else ""
    names: dict[str, str] = {}
    for path in paths:
        pure = PurePath(path)
        name = pure.stem if stems[pure.stem] == 1 else os.path.relpath(pure.with_suffix(""), common or ".")
        if name in names:
            raise InputError(f"{path} and {names[name]} would write the same file {name}.npy: rename or remove one")
        names[name] = path
    return tuple(names)


def write_feature_file(path: Path, values: np.ndarray) -> None:
    """Writes one image's (regions, dim) features as `.npy`, float32 [dim, regions], atomically."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, np.ascontiguousarray(values.T), allow_pickle=False)


def read_feature_list(path: Path, root: Path | None = None) -> RegionFeatures:
    """Reads the `.npy` files that a list names, one per line; ids are the lines without suffix.

    Args:
        path: The list.
        root: Folder of relative paths; None: that of the list.

    Raises:
        InputError: an empty list, a file that is missing or no float array [dim, regions], or shapes that differ.
    """
    lines = [line.strip() for line in read_lines(path, "a list of .npy files") if line.strip()]
    if not lines:
        raise InputError(f"{path}: the list is empty: give one .npy file per line")
    if repeated := [line for line, count in Counter(lines).items() if count > 1]:
        raise InputError(f"{path}: '{repeated[0]}' is listed twice: remove one of the lines")
    first = _read_feature_file((root or path.parent) / lines[0])
    values = np.empty((len(lines), *first.shape[::-1]), np.float32)
    for row, line in enumerate(lines):
        array = _read_feature_file((root or path.parent) / line)
        if array.shape != first.shape:
            raise InputError(
                f"{path} line {row + 1}: {line} has shape {list(array.shape)}, {lines[0]} has {list(first.shape)}: "
                "describe all images with the same settings"
            )
        values[row] = array.T
    return RegionFeatures(tuple(line.removesuffix(".npy") for line in lines), values)


def _read_feature_file(path: Path) -> np.ndarray:
    try:
        array: np.ndarray = np.load(path, allow_pickle=False, mmap_mode="r")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: fix the list, or give the folder of its paths with --root") from None
    except (ValueError, OSError, EOFError) as error:
        raise InputError(
            f"{path}: not a readable .npy file ({str(error).splitlines()[0]}): describe it again"
        ) from None
    if array.ndim != 2 or array.dtype.kind != "f" or not array.size:
        raise InputError(f"{path}: has shape {list(array.shape)} and dtype {array.dtype}: need float32 [dim, regions]")
    return array
