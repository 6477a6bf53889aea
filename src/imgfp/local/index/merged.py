"""The files of a compressed index: codes and owners in list order, and where each list starts.

`codes.bin` (n, code size) bytes, `owners.npy` (n,) int32 positions of images, `starts.npy` (lists + 1,) int64.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imgfp.errors import InputError
from imgfp.files import atomic_path
from imgfp.progress import track

NAMES = ("codes.bin", "owners.npy", "starts.npy")
CHUNK_BYTES = 128_000_000  # of codes merged at a time


@dataclass(frozen=True)
class Encoded:
    """A shard: codes (n, code size) uint8 sorted by list, lists (n,) int32, owners (n,) int32, -1 for removed images."""

    lists: np.ndarray
    codes: np.ndarray
    owners: np.ndarray


def merge(folder: Path, shards: Sequence[Callable[[], Encoded]], lists: int, code_size: int) -> tuple[Path, ...]:
    """Writes the shards' codes list by list; within a list the order of the shards, then of their rows, is kept.

    Shards are reopened for every chunk of lists, so that only the rows read for it take memory.
    """
    counts = np.zeros(lists, np.int64)
    for shard in (load() for load in shards):
        counts += np.bincount(shard.lists[shard.owners >= 0], minlength=lists)
    starts = np.concatenate([[0], np.cumsum(counts)])
    paths = tuple(folder / name for name in NAMES)
    owners = np.empty(int(starts[-1]), np.int32)
    rows = np.arange(0, starts[-1] + 1, CHUNK_BYTES // code_size)
    bounds = np.unique(np.searchsorted(starts, rows).clip(max=lists)).tolist()
    with atomic_path(paths[0]) as temporary, temporary.open("wb") as file:
        for first, last in track(
            list(zip([0, *bounds], [*bounds, lists], strict=True)), len(bounds) + 1, "merging", "parts"
        ):
            codes, part = _lists_of(shards, first, last, code_size)
            file.write(codes.data)
            owners[starts[first] : starts[last]] = part
    arrays: tuple[np.ndarray, ...] = owners, starts.astype(np.int64)
    for path, array in zip(paths[1:], arrays, strict=True):
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)
    return paths


def _lists_of(
    shards: Sequence[Callable[[], Encoded]], first: int, last: int, code_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Codes and owners of lists first .. last - 1."""
    codes, owners, numbers = [np.zeros((0, code_size), np.uint8)], [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
    for shard in (load() for load in shards):
        rows = slice(*np.searchsorted(shard.lists, (first, last)).tolist())
        kept = shard.owners[rows] >= 0
        codes.append(shard.codes[rows][kept])
        owners.append(shard.owners[rows][kept])
        numbers.append(shard.lists[rows][kept])
    order = np.argsort(np.concatenate(numbers), kind="stable")
    return np.concatenate(codes)[order], np.concatenate(owners)[order]


@dataclass(frozen=True)
class Merged:
    """A merged index, memory-mapped: codes (n, code size) uint8, owners (n,) int32, starts (lists + 1,) int64."""

    codes: np.ndarray
    owners: np.ndarray
    starts: np.ndarray


def open_merged(folder: Path, lists: int, code_size: int, images: int) -> Merged:
    """Maps the files of `merge`, whose checksums were compared before.

    Raises:
        InputError: they do not belong to this codebook or list of images.
    """
    codes_path, owners_path, starts_path = (folder / name for name in NAMES)
    owners = np.load(owners_path, mmap_mode="r", allow_pickle=False)
    starts = np.load(starts_path, allow_pickle=False)
    fits = starts.shape == (lists + 1,) and owners.shape == (starts[-1],) and owners.dtype == np.int32
    if not fits or codes_path.stat().st_size != len(owners) * code_size:
        raise InputError(
            f"{folder}: its files do not belong to one codebook: delete {folder} and run 'imgfp index' again"
        )
    if owners.max(initial=-1) >= images:
        raise InputError(
            f"{owners_path}: names image {owners.max()} of {images}: delete {folder} and run 'imgfp index' again"
        )
    codes = np.memmap(codes_path, np.uint8, "r") if len(owners) else np.zeros(0, np.uint8)  # no map of an empty file
    return Merged(codes.reshape(-1, code_size), owners, starts)
