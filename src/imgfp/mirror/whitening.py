"""PCA whitening of regions: fitted, stored as .npz, applied."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile

import numpy as np

from imgfp.errors import InputError
from imgfp.files import atomic_path
from imgfp.mirror.similarity import normalise

# fitted by train/whitening.py to photographs that the embedded network described, see its card beside it
PACKAGED = Path(__file__).with_name("whitening.npz")
_KEYS = ("mean", "eigvec", "eigval")  # as in the files of MIRorR
# Above this many numbers (1 GB as float64) the covariance is accumulated in blocks
_DENSE = 2**27
_BLOCK = 256  # images

Prepare = Callable[[np.ndarray], np.ndarray]


class Regions(Protocol):
    """(images, regions, dim) float32: an array, or what reads a slice of images from files."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, images: slice, /) -> np.ndarray: ...


@dataclass(frozen=True)
class Whitening:
    """Projects vectors to principal components of variance 1.

    `mean`: (dim,) float64. `components`: (out_dim, dim) float64, orthonormal rows. `variances`: (out_dim,) float64, > 0.
    """

    mean: np.ndarray
    components: np.ndarray
    variances: np.ndarray

    @property
    def dim(self) -> int:
        """Dimension of the vectors that it takes."""
        return len(self.mean)

    @property
    def out_dim(self) -> int:
        """Dimension of the vectors that it gives."""
        return len(self.variances)

    def apply(self, values: np.ndarray) -> np.ndarray:
        """(images, regions, dim) to (images, regions, out_dim) float32 of L2 norm 1.

        Raises:
            InputError: another dimension than that of the fit.
        """
        if values.shape[2] != self.dim:
            raise InputError(
                f"the whitening is for {self.dim} dimensions, the features have {values.shape[2]}: "
                "use one that was fitted on features of the same network"
            )
        return normalise((values - self.mean) @ (self.components / np.sqrt(self.variances)[:, None]).T)

    def save(self, path: Path, compact: bool = False) -> None:
        """Writes .npz atomically: arrays `mean`, `eigvec`, `eigval`, float64, or float16 and float32 where `compact`."""
        kind, rows = (np.float32, np.float16) if compact else (np.float64, np.float64)
        mean, components, variances = self.mean.astype(kind), self.components.astype(rows), self.variances.astype(kind)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, mean=mean, eigvec=components, eigval=variances)

    @classmethod
    def load(cls, path: Path) -> "Whitening":
        """Reads what `save` wrote.

        Raises:
            InputError: no such file, not an .npz of these three arrays, shapes that do not fit, variances that are not > 0.
        """
        if not path.is_file():
            raise InputError(f"{path}: no such file: give a whitening as .npz")
        try:
            with np.load(path, allow_pickle=False) as stored:
                mean, components, variances = (np.asarray(stored[key], dtype=np.float64) for key in _KEYS)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, BadZipFile):
            raise InputError(f"{path}: not a whitening: expected a .npz of float arrays {', '.join(_KEYS)}") from None
        if mean.ndim != 1 or variances.ndim != 1 or components.shape != (len(variances), len(mean)):
            raise InputError(
                f"{path}: mean {mean.shape}, eigvec {components.shape}, eigval {variances.shape} do not fit: "
                "eigvec has a row per component"
            )
        if not all(np.isfinite(array).all() for array in (mean, components, variances)) or (variances <= 0).any():
            raise InputError(f"{path}: numbers that are not finite, or variances <= 0: fit the whitening again")
        return cls(mean, components, variances)


def blockwise(values: Regions, prepare: Prepare) -> Iterator[np.ndarray]:
    """`prepare` of some images at a time, so that no second array of all images is needed."""
    for start in range(0, len(values), _BLOCK):
        yield prepare(values[start : start + _BLOCK])


def fit_whitening(
    values: Regions, prepare: Prepare, out_dim: int | None = None, variance_share: float | None = None
) -> Whitening:
    """Principal components of all regions.

    The solver is the one that the original's scikit-learn took: randomised (seed 0) for more than 500 rows or columns and
    fewer components than 0.8 times the smaller of the two, exact otherwise; so answers are the original's. Beyond 2^27
    numbers the covariance is accumulated in blocks and decomposed exactly, to bound memory.

    Args:
        values: (images, regions, dim) float32.
        prepare: What is fitted, from a block of `values`: (images, regions or 1, dim).
        out_dim: Components to keep; takes precedence.
        variance_share: Keep the fewest components that explain more than this share of the variance, in (0, 1).

    Raises:
        InputError: settings out of range, or fewer components with any variance than asked.
    """
    regions, dim = prepare(values[:1]).shape[1:]
    rows = len(values) * regions
    if out_dim is None and (variance_share is None or not 0 < variance_share < 1):
        raise InputError(f"share of the variance {variance_share}: must be above 0 and below 1")
    if out_dim is not None and not 1 <= out_dim <= min(rows, dim):
        raise InputError(
            f"whitening to {out_dim} dimensions: {rows} vectors of {dim} numbers allow 1 to {min(rows, dim)}: "
            "change the dimension, or use a stored whitening"
        )
    vectors = (block.reshape(-1, dim).astype(np.float64) for block in blockwise(values, prepare))
    if rows * dim > _DENSE:
        mean, components, variances = _decompose_covariance(vectors, dim)
        if out_dim is None:
            out_dim = int((np.cumsum(variances) / variances.sum() <= variance_share).sum()) + 1
        components, variances = components[:out_dim], variances[:out_dim]
    else:
        mean, components, variances = _decompose(np.concatenate(list(vectors)), out_dim, variance_share)
    varied = int((variances > max(1e-12 * variances[0], 1e-24)).sum())
    if varied < len(variances):
        raise InputError(
            f"whitening to {len(variances)} dimensions: the regions vary in {varied} only (identical images?): "
            "lower the dimension, use a stored whitening, or none"
        )
    return Whitening(mean, components, variances)


def _decompose(
    rows: np.ndarray, out_dim: int | None, variance_share: float | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from sklearn.decomposition import PCA

    randomised = out_dim is not None and max(rows.shape) > 500 and out_dim < 0.8 * min(rows.shape)
    wanted: Any = variance_share if out_dim is None else out_dim
    with np.errstate(invalid="ignore"):  # without any variance its shares are 0 / 0; the caller refuses that
        fitted = PCA(wanted, svd_solver="randomized" if randomised else "full", random_state=0).fit(rows)
    return fitted.mean_, fitted.components_, fitted.explained_variance_


def _decompose_covariance(blocks: Iterator[np.ndarray], dim: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, total, products = 0, np.zeros(dim), np.zeros((dim, dim))
    for block in blocks:
        rows += len(block)
        total += block.sum(axis=0)
        products += block.T @ block
    mean = total / rows
    variances, vectors = np.linalg.eigh((products - rows * np.outer(mean, mean)) / (rows - 1))
    return mean, np.ascontiguousarray(vectors.T[::-1]), variances[::-1]
