"""Regional features as MIRorR's files: one .npy [dim, regions] per image, and a text list of them."""

import io
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from imgfp.errors import InputError
from imgfp.files import read_lines, write_bytes
from imgfp.images import Failure
from imgfp.progress import track


@dataclass(frozen=True)
class FileRegions:
    """Like an array (images, regions, dim) float32, not normalised, of which a slice of images is read when it is taken."""

    paths: tuple[Path, ...]
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, images: slice, /) -> np.ndarray:
        paths = self.paths[images]
        values = np.empty((len(paths), *self.shape[1:]), np.float32)
        for row, path in enumerate(paths):
            feature = _read(path)
            if isinstance(feature, Failure) or feature.shape != values.shape[1:]:
                raise InputError(f"{path}: changed while it was used: run the command again")
            values[row] = feature
        return values


@dataclass(frozen=True)
class ListedFeatures:
    """The features of a list that could be read.

    `values`: those of the n readable files. `positions`: (n,) int64, their positions in the list, which answers
    are named by. `failures`: the files that could not be read.
    """

    values: FileRegions
    positions: np.ndarray
    failures: tuple[Failure, ...]


def read_listed_features(listed: Path, root: Path | None = None) -> ListedFeatures:
    """Verifies the features that a text list names, one path per line, relative to `root` (default: the list's folder).

    Every file is read once here and again when its values are taken: they need not fit in memory. A file that cannot be read
    keeps its position and is a failure.

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
    shape: tuple[int, ...] = ()
    positions: list[int] = []
    failures = []
    for position, path in enumerate(track(paths, len(paths), "verifying features")):
        feature = _read(path)
        if isinstance(feature, Failure):
            failures.append(feature)
            continue
        shape = shape or feature.shape
        if feature.shape != shape:
            raise InputError(
                f"{path}: {feature.shape[0]} regions of {feature.shape[1]} numbers, but {paths[positions[0]]} has "
                f"{shape[0]} of {shape[1]}: describe all images with the same settings"
            )
        positions.append(position)
    if not positions:
        raise InputError(
            f"{listed}: none of the {len(paths)} files can be read; {failures[0].path}: {failures[0].reason}"
        )
    values = FileRegions(tuple(paths[position] for position in positions), (len(positions), *shape))
    return ListedFeatures(values, np.array(positions), tuple(failures))


def _read(path: Path) -> np.ndarray | Failure:
    """(regions, dim) of one file."""
    try:
        feature = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        return Failure(path, f"expected a .npy array of floats ({type(error).__name__}): describe the image again")
    if not isinstance(feature, np.ndarray) or feature.ndim not in (1, 2) or not feature.size:
        return Failure(path, "expected an array [dim, regions]: describe the image again")
    if not np.issubdtype(feature.dtype, np.floating) or not np.isfinite(feature).all():
        return Failure(path, "expected a .npy array of finite floats: describe the image again")
    return feature.reshape(len(feature), -1).T


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
