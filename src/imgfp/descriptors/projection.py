"""Fewer dimensions by PCA fitted on background photographs, whitened or not, L2-normalised after it."""

from dataclasses import dataclass

import numpy as np

from imgfp.errors import InputError
from imgfp.records import DescriptorSet

BLOCK = 8192  # rows in float64 at once
RANK_TOLERANCE = 1e-10  # of the largest variance; below it a direction holds rounding alone


@dataclass(frozen=True)
class Projection:
    """x -> (x - mean) @ axes, L2-normalised. `mean`: (d,) float64. `axes`: (d, k) float64."""

    mean: np.ndarray
    axes: np.ndarray

    def apply(self, described: DescriptorSet) -> DescriptorSet:
        """The projected set; InputError where its dimension is not the fitted one."""
        if described.dim != len(self.mean):
            raise InputError(
                f"descriptors of {described.dim} dimensions for a PCA fitted on {len(self.mean)}: "
                "extract with the same encoder"
            )
        matrix = np.empty((len(described), self.axes.shape[1]), np.float32)
        for start in range(0, len(described), BLOCK):
            rows = (described.matrix[start : start + BLOCK].astype(np.float64) - self.mean) @ self.axes
            norms = np.linalg.norm(rows, axis=1, keepdims=True)
            matrix[start : start + BLOCK] = rows / np.maximum(norms, np.finfo(np.float64).tiny)
        return DescriptorSet(described.ids, matrix)


def fit_projection(background: DescriptorSet, dim: int, whiten: bool = False) -> Projection:
    """PCA of a background set to `dim` dimensions; `whiten` divides each by its standard deviation.

    Whitened it is SSCD's codec PCAW<dim>,L2norm (faiss.PCAMatrix with eigen_power -0.5). The sign of an axis, which
    PCA leaves open, is chosen so that its largest component is positive.

    Raises:
        InputError: `dim` is not within 1 .. the descriptors' dimension, or the background does not span as many.
    """
    if not 1 <= dim <= background.dim:
        raise InputError(f"pca={dim}: the descriptors have {background.dim} dimensions: give 1 to {background.dim}")
    if len(background) <= dim:
        raise InputError(
            f"pca={dim}: the background set has {len(background)} descriptors: give more than {dim}, or a smaller pca"
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
            f"pca={dim}: the background set spans {spanned} dimensions only: give more pictures, or a smaller pca"
        )
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(dim)])
    return Projection(mean, axes / np.sqrt(variances) if whiten else axes)
