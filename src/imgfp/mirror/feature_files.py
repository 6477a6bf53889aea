"""Region features as MIRorR's files: one .npy [dim, regions] per image, and a text list of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imgfp.errors import InputError
from imgfp.files import read_lines
from imgfp.images import Failure
from imgfp.progress import track


@dataclass(frozen=True)
class ListedFeatures:
    """The features of a list that could be read.

    `values`: (n, regions, dim) float32, not normalised. `positions`: (n,) int64, their positions in the list, which answers
    are named by. `entries`: length of the list. `failures`: the files that could not be read.
    """

    values: np.ndarray
    positions: np.ndarray
    entries: int
    failures: tuple[Failure, ...]


def read_listed_features(listed: Path, root: Path | None = None) -> ListedFeatures:
    """Reads the features that a text list names, one path per line, relative to `root` (default: the list's folder).

    A file that cannot be read keeps its position and is a failure.

    Raises:
        InputError: an empty list, a name without a file, files of different shapes, or no readable file at all.
    """
    folder = listed.parent if root is None else root
    lines = read_lines(listed, "a text list of .npy files")
    paths = [folder / line.strip() for line in lines if line.strip()]
    if not paths:
        raise InputError(f"{listed}: the list is empty: give one .npy file per line")
    for path in paths:
        if not path.is_file():
            raise InputError(f"{listed}: {path}: no such file: fix the name, or give its folder as --root")
    values: np.ndarray | None = None
    positions: list[int] = []
    failures = []
    for position, path in enumerate(track(paths, len(paths), "reading features")):
        feature = _read(path)
        if isinstance(feature, Failure):
            failures.append(feature)
            continue
        if values is None:
            values, first = np.empty((len(paths), *feature.shape), dtype=np.float32), path
        if feature.shape != values.shape[1:]:
            raise InputError(
                f"{path}: {feature.shape[0]} regions of {feature.shape[1]} numbers, but {first} has "
                f"{values.shape[1]} of {values.shape[2]}: describe all images with the same settings"
            )
        values[len(positions)] = feature
        positions.append(position)
    if values is None:
        raise InputError(
            f"{listed}: none of the {len(paths)} files can be read; {failures[0].path}: {failures[0].reason}"
        )
    return ListedFeatures(values[: len(positions)], np.array(positions), len(paths), tuple(failures))


def _read(path: Path) -> np.ndarray | Failure:
    """(regions, dim) of one file."""
    try:
        feature = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        return Failure(path, f"not an .npy of numbers ({type(error).__name__}): describe the image again")
    if not isinstance(feature, np.ndarray) or feature.ndim not in (1, 2) or not feature.size:
        return Failure(path, "not an array [dim, regions]: describe the image again")
    if not np.issubdtype(feature.dtype, np.floating) or not np.isfinite(feature).all():
        return Failure(path, "numbers that are not finite, or not floating point: describe the image again")
    return feature.reshape(len(feature), -1).T
