"""Score normalisation by an offset: s(q, r) = inner product minus a statistic of the query's background similarities.

The offset is appended to the query as one more dimension, and a 1 to every reference, so that a plain inner-product
search ranks by s.
"""

from dataclasses import dataclass

import numpy as np

from imgfp.descriptors.topk import background_offset, background_similarities
from imgfp.errors import InputError
from imgfp.records import DescriptorSet


@dataclass(frozen=True)
class MeanConfig:
    """Minus the mean of the query's top-3 similarities, as in the global branch; see `background_offset`."""


@dataclass(frozen=True)
class Isc2021Config:
    """Minus `factor` times the n-th best similarity (isc2021, scripts/score_normalization.py, reduction "min")."""

    neighbours: int = 10  # n; its documentation uses 10 and 2.0 for the MultiGrain baseline
    factor: float = 2.0

    def __post_init__(self) -> None:
        if self.neighbours < 1:
            raise InputError(f"normalisation.isc2021.neighbours={self.neighbours}: must be >= 1")


@dataclass(frozen=True)
class SscdConfig:
    """Minus `weight` times the mean of the similarities of ranks `first` to `last`, 0-based (SSCD, disc_eval.py: 1.0[0,2])."""

    weight: float = 1.0
    first: int = 0
    last: int = 2

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last:
            raise InputError(
                f"normalisation.sscd.first={self.first}, normalisation.sscd.last={self.last}: must be 0 <= first <= last"
            )


def offsets(
    query: DescriptorSet, background: DescriptorSet, config: MeanConfig | Isc2021Config | SscdConfig
) -> np.ndarray:
    """(n,) float32: offset added to all inner products of each query.

    Raises:
        InputError: the background is too small or of a different dimension.
    """
    if isinstance(config, MeanConfig):
        return -background_offset(query, background)
    if isinstance(config, Isc2021Config):
        return -background_similarities(query, background, config.neighbours)[:, -1] * np.float32(config.factor)
    ranked = background_similarities(query, background, config.last + 1)[:, config.first :]
    return -np.float32(config.weight) * ranked.mean(axis=1)


def with_offsets(
    query: DescriptorSet, reference: DescriptorSet, added: np.ndarray
) -> tuple[DescriptorSet, DescriptorSet]:
    """Appends one dimension to both sets: `added`, (n,) float32, to the queries and 1 to the references."""
    ones = np.ones((len(reference), 1), np.float32)
    return (
        DescriptorSet(query.ids, np.hstack([query.matrix, added[:, None]])),
        DescriptorSet(reference.ids, np.hstack([reference.matrix, ones])),
    )
