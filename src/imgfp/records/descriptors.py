"""Descriptor sets and their file format: the challenge's HDF5 layout."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from imgfp.errors import InputError
from imgfp.files import atomic_path


@dataclass(frozen=True)
class DescriptorSet:
    """n global descriptors. `ids`: (n,) str, sorted, unique. `matrix`: (n, d) float32; row i belongs to ids[i]."""

    ids: np.ndarray
    matrix: np.ndarray

    def __post_init__(self) -> None:
        if self.matrix.ndim != 2 or len(self.ids) != len(self.matrix):
            raise ValueError(f"{len(self.ids)} ids for a matrix of shape {self.matrix.shape}")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def dim(self) -> int:
        """Dimension of the descriptors."""
        return int(self.matrix.shape[1])


def write_descriptors(path: Path, **parts: DescriptorSet) -> None:
    """Writes `query=`, `reference=` (or other) parts in the challenge's format: datasets `<part>` float32 and `<part>_ids`."""
    with atomic_path(path) as temporary, h5py.File(temporary, "w", track_order=True) as file:
        for name, part in parts.items():
            file.create_dataset(name, data=part.matrix.astype(np.float32, copy=False))
            file.create_dataset(
                f"{name}_ids", data=np.char.encode(part.ids, "utf-8") if len(part) else np.array([], dtype="S1")
            )


def read_descriptors(path: Path, part: str) -> DescriptorSet:
    """Reads and validates one part of a descriptor file.

    Raises:
        InputError: no such file or dataset, wrong shape or dtype, NaN, ids unsorted, repeated or not one per row.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file: give an HDF5 file with the datasets {part} and {part}_ids")
    try:
        with h5py.File(path, "r") as file:
            for name in (part, f"{part}_ids"):
                if not isinstance(file.get(name), h5py.Dataset):
                    raise InputError(
                        f"{path}: no dataset '{name}' (found: {', '.join(file)}): store the descriptors under that name"
                    )
            matrix, raw = file[part][()], file[f"{part}_ids"][()]
    except OSError as error:
        raise InputError(f"{path}: not a readable HDF5 file ({error}): write it again") from None
    if matrix.ndim != 2 or matrix.dtype.kind != "f":
        raise InputError(
            f"{path}: '{part}' has shape {matrix.shape} and dtype {matrix.dtype}: it must be (n, d) float32"
        )
    try:
        ids = np.array([item.decode() if isinstance(item, bytes) else str(item) for item in raw.tolist()], dtype=str)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: '{part}_ids' contains {error.object!r}, which is not UTF-8: write ids as UTF-8 text"
        ) from None
    if len(ids) != len(matrix):
        raise InputError(f"{path}: {len(ids)} ids for {len(matrix)} rows of '{part}': give one id per row")
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(bad):
        raise InputError(
            f"{path}: row {bad[0]} of '{part}' (id {ids[bad[0]]}) contains NaN or infinity: extract it again"
        )
    wrong = np.flatnonzero(ids[1:] <= ids[:-1])
    if len(wrong):
        first, second = ids[wrong[0]], ids[wrong[0] + 1]
        raise InputError(
            f"{path}: row {wrong[0] + 1} of '{part}_ids': '{second}' follows '{first}': sort ids and rows, without duplicates"
        )
    return DescriptorSet(ids, matrix.astype(np.float32, copy=False))


def require_same_dim(query: DescriptorSet, reference: DescriptorSet) -> None:
    """Raises InputError, naming both dimensions, unless they are equal."""
    if query.dim != reference.dim:
        raise InputError(
            f"query dimension {query.dim} differs from reference dimension {reference.dim}: extract both with the same encoder"
        )
