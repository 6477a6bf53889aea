"""Dimension reduction by PCA fitted on background photographs, with or without whitening, then L2 normalisation."""

from dataclasses import dataclass

import numpy as np

from imgfp.errors import InputError
from imgfp.records import DescriptorSet

BLOCK = 8192  # rows converted to float64 at a time
RANK_TOLERANCE = 1e-10  # relative to the largest variance; smaller variances are rounding noise


@dataclass(frozen=True)
class Projection:
    """x -> (x - mean) @ axes, L2-normalised. `mean`: (d,) float64. `axes`: (d, k) float64."""

    mean: np.ndarray
    axes: np.ndarray

    def apply(self, described: DescriptorSet) -> DescriptorSet:
        """The projected set; InputError if its dimension differs from the fitted one."""
        if described.dim != len(self.mean):
            raise InputError(
                f"descriptor dimension {described.dim} differs from PCA dimension {len(self.mean)}: "
                "extract both with the same encoder"
            )
        matrix = np.empty((len(described), self.axes.shape[1]), np.float32)
        for start in range(0, len(described), BLOCK):
            rows = (described.matrix[start : start + BLOCK].astype(np.float64) - self.mean) @ self.axes
            norms = np.linalg.norm(rows, axis=1, keepdims=True)
            matrix[start : start + BLOCK] = rows / np.maximum(norms, np.finfo(np.float64).tiny)
        return DescriptorSet(described.ids, matrix)


def fit_projection(background: DescriptorSet, dim: int, whiten: bool = False) -> Projection:
    """Fits a PCA to `dim` dimensions on a background set; `whiten` divides each by its standard deviation.

    With whitening it equals SSCD's codec PCAW<dim>,L2norm (faiss.PCAMatrix with eigen_power -0.5). The sign of each axis,
    which PCA leaves undetermined, is chosen so that its largest component is positive.

    Raises:
        InputError: `dim` is not in 1 .. the descriptor dimension, or the background spans fewer dimensions.
    """
    if not 1 <= dim <= background.dim:
        raise InputError(f"pca={dim}: the descriptor dimension is {background.dim}: use 1 to {background.dim}")
    if len(background) <= dim:
        raise InputError(
            f"pca={dim}: the background set has {len(background)} descriptors: use more than {dim}, or a smaller pca"
        )
    mean = background.matrix.mean(axis=0, dtype=np.float64)
    scatter = np.zeros((background.dim, background.dim))
    for start in range(0, len(background), BLOCK):
        rows = background.matrix[start : start + BLOCK].astype(np.float64) - mean
        scatter += rows.T @ rows
    variances, axes = np.linalg.eigh(scatter / len(background))
    variances, axes = variances[::-1][:dim], axes[:, ::-1][:, :dim]
    spanned = int((variances > RANK_TOLERANCE * variances[0]).sum())
    if spanned < dim:
        raise InputError(
            f"pca={dim}: the background set spans only {spanned} dimensions: use more images, or a smaller pca"
        )
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(dim)])
    return Projection(mean, axes / np.sqrt(variances) if whiten else axes)
