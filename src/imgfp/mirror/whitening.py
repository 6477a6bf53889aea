"""PCA whitening of regions: fitted, stored as .npz, applied."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from imgfp.errors import InputError
from imgfp.files import atomic_path
from imgfp.mirror.similarity import normalise

PACKAGED = Path(str(resources.files("imgfp.mirror") / "whitening_efficientnet_lite0.npz"))
_KEYS = ("mean", "eigvec", "eigval")  # as in the files of MIRorR
# Above this many numbers (1 GB as float64) the covariance is accumulated in blocks
_DENSE, _BLOCK = 2**27, 4096


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

    def apply(self, values: np.ndarray, block: int = 256) -> np.ndarray:
        """(images, regions, dim) to (images, regions, out_dim) float32 of L2 norm 1, `block` images at a time.

        Raises:
            InputError: another dimension than that of the fit.
        """
        if values.shape[2] != self.dim:
            raise InputError(
                f"the whitening is for {self.dim} dimensions, the features have {values.shape[2]}: "
                "use one that was fitted on features of the same network"
            )
        out = np.empty((*values.shape[:2], self.out_dim), dtype=np.float32)
        scaled = (self.components / np.sqrt(self.variances)[:, None]).T
        for start in range(0, len(values), block):
            out[start : start + block] = normalise((values[start : start + block] - self.mean) @ scaled)
        return out

    def save(self, path: Path) -> None:
        """Writes .npz atomically, as arrays `mean`, `eigvec`, `eigval` in float64."""
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, mean=self.mean, eigvec=self.components, eigval=self.variances)

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
            raise InputError(
                f"{path}: not a whitening: give an .npz of the arrays {', '.join(_KEYS)}, without pickle"
            ) from None
        if mean.ndim != 1 or variances.ndim != 1 or components.shape != (len(variances), len(mean)):
            raise InputError(
                f"{path}: mean {mean.shape}, eigvec {components.shape}, eigval {variances.shape} do not fit: "
                "eigvec has a row per component"
            )
        if not all(np.isfinite(array).all() for array in (mean, components, variances)) or (variances <= 0).any():
            raise InputError(f"{path}: numbers that are not finite, or variances <= 0: fit the whitening again")
        return cls(mean, components, variances)


def fit_whitening(values: np.ndarray, out_dim: int | None = None, variance_share: float | None = None) -> Whitening:
    """Principal components of all regions.

    The solver is the one that the original's scikit-learn took: randomised (seed 0) for more than 500 rows or columns and
    fewer components than 0.8 times the smaller of the two, exact otherwise; so answers are the original's. Beyond 2^27
    numbers the covariance is accumulated in blocks and decomposed exactly, to bound memory.

    Args:
        values: (images, regions, dim) float32, as `aggregate` and `normalise` leave them.
        out_dim: Components to keep; takes precedence.
        variance_share: Keep the fewest components that explain more than this share of the variance, in (0, 1).

    Raises:
        InputError: settings out of range, or fewer components with any variance than asked.
    """
    rows = values.reshape(-1, values.shape[2])
    limit = min(rows.shape)
    if out_dim is None and (variance_share is None or not 0 < variance_share < 1):
        raise InputError(f"variance share {variance_share}: must be between 0 and 1")
    if out_dim is not None and not 1 <= out_dim <= limit:
        raise InputError(
            f"whitening to {out_dim} dimensions: {rows.shape[0]} vectors of {rows.shape[1]} numbers allow 1 to {limit}: "
            "change the dimension, or use a stored whitening"
        )
    if rows.size > _DENSE:
        mean, components, variances = _decompose_covariance(rows)
        if out_dim is None:
            share = np.cumsum(variances) / variances.sum()
            out_dim = int(np.searchsorted(share, variance_share, side="right")) + 1
        components, variances = components[:out_dim], variances[:out_dim]
    else:
        mean, components, variances = _decompose(rows.astype(np.float64), out_dim, variance_share)
    varied = int((variances > 1e-12 * max(variances[0], np.finfo(np.float64).tiny)).sum())
    if variances[0] <= 0 or varied < len(variances):
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
    with np.errstate(invalid="ignore"):  # no variance at all: refused by who calls
        fitted = PCA(wanted, svd_solver="randomized" if randomised else "full", random_state=0).fit(rows)
    return fitted.mean_, fitted.components_, fitted.explained_variance_


def _decompose_covariance(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    mean = rows.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((len(mean), len(mean)))
    for start in range(0, len(rows), _BLOCK):
        centred = rows[start : start + _BLOCK] - mean
        covariance += centred.T @ centred
    variances, vectors = np.linalg.eigh(covariance / (len(rows) - 1))
    return mean, np.ascontiguousarray(vectors.T[::-1]), variances[::-1]
