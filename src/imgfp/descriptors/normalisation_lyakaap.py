"""lyakaap's score normalisation: what a descriptor shares with its nearest background descriptors is taken away.

Source: its scripts/postprocess.py. Queries and references alike: d - beta * mean of the nearest background
descriptors, L2-normalised again. The background is smoothed first: each of its descriptors becomes the sum of its
nearest ones (itself included), weighted by the cube of their similarity.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from imgfp.descriptors.topk import nearest, require_enough
from imgfp.errors import InputError
from imgfp.records import DescriptorSet

BLOCK = 4096  # rows whose neighbours are gathered at once


@dataclass(frozen=True)
class LyakaapConfig:
    """How much is taken away, and how the background is smoothed."""

    neighbours: int = 10
    beta: float = 0.35
    iterations: int = 1
    smoothing_neighbours: int = 10  # 0: the background as it is
    smoothing_power: int = 3

    def __post_init__(self) -> None:
        for name, least in {"neighbours": 1, "iterations": 1, "smoothing_neighbours": 0, "smoothing_power": 0}.items():
            if getattr(self, name) < least:
                raise InputError(f"normalisation.lyakaap.{name}={getattr(self, name)}: give {least} or more")


def isolate(
    query: DescriptorSet, reference: DescriptorSet, background: DescriptorSet, config: LyakaapConfig
) -> tuple[DescriptorSet, DescriptorSet]:
    """The whole of it: background smoothed, then subtracted from both sides.

    Raises:
        InputError: the background has fewer descriptors than neighbours are wanted, or another dimension.
    """
    require_enough(background, max(config.neighbours, config.smoothing_neighbours))
    if config.smoothing_neighbours:
        background = smooth(background, config.smoothing_neighbours, config.smoothing_power)
    return subtract_nearest(query, background, config), subtract_nearest(reference, background, config)


def smooth(background: DescriptorSet, neighbours: int, power: int) -> DescriptorSet:
    """Each descriptor as the sum of its nearest ones times their similarity to that power, L2-normalised."""

    def summed(rows: np.ndarray, similarities: np.ndarray, found: np.ndarray) -> np.ndarray:
        return (background.matrix[found] * similarities[..., None] ** power).sum(axis=1)

    return _by_neighbours(background, background, neighbours, summed)


def subtract_nearest(described: DescriptorSet, background: DescriptorSet, config: LyakaapConfig) -> DescriptorSet:
    """The subtraction alone, `iterations` times: d - beta * mean of the nearest background descriptors, L2-normalised."""

    def rest(rows: np.ndarray, similarities: np.ndarray, found: np.ndarray) -> np.ndarray:
        return rows - background.matrix[found].mean(axis=1) * np.float32(config.beta)

    for _ in range(config.iterations):
        described = _by_neighbours(described, background, config.neighbours, rest)
    return described


def _by_neighbours(
    described: DescriptorSet,
    background: DescriptorSet,
    neighbours: int,
    combine: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
) -> DescriptorSet:
    """Replaces each row by `combine` (rows, similarities, background rows), L2-normalised, a block at a time."""
    matrix = np.empty_like(described.matrix)
    for start in range(0, len(described), BLOCK):
        part = DescriptorSet(described.ids[start : start + BLOCK], described.matrix[start : start + BLOCK])
        made = combine(part.matrix, *nearest(part, background, neighbours))
        matrix[start : start + BLOCK] = made / np.linalg.norm(made, axis=1, keepdims=True)
    return DescriptorSet(described.ids, matrix)
