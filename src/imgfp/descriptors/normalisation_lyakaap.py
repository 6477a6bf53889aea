"""lyakaap's score normalisation: subtracts the nearest background descriptors from each descriptor.

Source: scripts/postprocess.py of its repository. For queries and references: d - beta * mean of the nearest background
descriptors, L2-normalised again. The background is smoothed first: each descriptor becomes the sum of its nearest
neighbours (itself included), weighted by the cube of their similarity.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from imgfp.descriptors.topk import nearest, require_enough
from imgfp.errors import InputError
from imgfp.records import DescriptorSet

BLOCK = 4096  # rows per neighbour search


@dataclass(frozen=True)
class LyakaapConfig:
    """Weight of the subtraction, and smoothing of the background."""

    neighbours: int = 10
    beta: float = 0.35
    iterations: int = 1
    smoothing_neighbours: int = 10  # 0: no smoothing
    smoothing_power: int = 3

    def __post_init__(self) -> None:
        lowest = {"neighbours": 1, "iterations": 1, "smoothing_neighbours": 0, "smoothing_power": 0}
        for name, least in lowest.items():
            if getattr(self, name) < least:
                raise InputError(f"normalisation.lyakaap.{name}={getattr(self, name)}: must be >= {least}")


def isolate(
    query: DescriptorSet, reference: DescriptorSet, background: DescriptorSet, config: LyakaapConfig
) -> tuple[DescriptorSet, DescriptorSet]:
    """The complete method: smooths the background, then subtracts it from queries and references.

    Raises:
        InputError: the background has fewer descriptors than the number of neighbours, or a different dimension.
    """
    require_enough(background, max(config.neighbours, config.smoothing_neighbours))
    if config.smoothing_neighbours:
        background = smooth(background, config.smoothing_neighbours, config.smoothing_power)
    return subtract_nearest(query, background, config), subtract_nearest(reference, background, config)


def smooth(background: DescriptorSet, neighbours: int, power: int) -> DescriptorSet:
    """Each descriptor as the sum of its neighbours, weighted by similarity ** power, L2-normalised."""

    def summed(rows: np.ndarray, similarities: np.ndarray, found: np.ndarray) -> np.ndarray:
        return (background.matrix[found] * similarities[..., None] ** power).sum(axis=1)

    return _by_neighbours(background, background, neighbours, summed)


def subtract_nearest(described: DescriptorSet, background: DescriptorSet, config: LyakaapConfig) -> DescriptorSet:
    """`iterations` times: d - beta * mean of the nearest background descriptors, L2-normalised."""

    def subtracted(rows: np.ndarray, similarities: np.ndarray, found: np.ndarray) -> np.ndarray:
        return rows - background.matrix[found].mean(axis=1) * np.float32(config.beta)

    for _ in range(config.iterations):
        described = _by_neighbours(described, background, config.neighbours, subtracted)
    return described


def _by_neighbours(
    described: DescriptorSet,
    background: DescriptorSet,
    neighbours: int,
    combine: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
) -> DescriptorSet:
    """Replaces each row by `combine` (rows, similarities, background rows), L2-normalised, block by block."""
    matrix = np.empty_like(described.matrix)
    for start in range(0, len(described), BLOCK):
        part = DescriptorSet(described.ids[start : start + BLOCK], described.matrix[start : start + BLOCK])
        combined = combine(part.matrix, *nearest(part, background, neighbours))
        matrix[start : start + BLOCK] = combined / np.linalg.norm(combined, axis=1, keepdims=True)
    return DescriptorSet(described.ids, matrix)
