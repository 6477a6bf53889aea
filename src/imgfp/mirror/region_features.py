"""Regional features of a set of images, and MIRorR's files of them: one `.npy` [dim, regions] per image."""

import io
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from imgfp.errors import InputError
from imgfp.files import write_bytes


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


def feature_names(paths: Sequence[str]) -> tuple[str, ...]:
    """A name for each image's file: the image's stem, or its path without suffix where several images share a stem.

    Raises:
        InputError: two paths that differ in the suffix only, or a path given twice.
    """
    stems = Counter(PurePath(path).stem for path in paths)
    shared = [os.path.dirname(path) for path in paths if stems[PurePath(path).stem] > 1]
    common = os.path.commonpath(shared) if shared else ""
    names: dict[str, str] = {}
    for path in paths:
        pure = PurePath(path)
        name = pure.stem if stems[pure.stem] == 1 else os.path.relpath(pure.with_suffix(""), common or ".")
        if name in names:
            raise InputError(
                f"{path} and {names[name]} would have the same feature file {name}.npy: rename or remove one of them"
            )
        names[name] = path
    return tuple(names)


def write_feature_file(path: Path, values: np.ndarray) -> None:
    """Writes one image's (regions, dim) features as `.npy`, float32 [dim, regions], atomically; keeps an equal file."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(values.T), allow_pickle=False)
    if not (path.is_file() and path.read_bytes() == file.getvalue()):
        write_bytes(path, file.getvalue())
