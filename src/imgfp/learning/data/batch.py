"""The images of one training step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

VIEW, UNEDITED, HARD = 0, 1, 2  # kinds of rows


class Batch(NamedTuple):
    """The images of a step, an item's views first, then its negatives. A tuple, which Lightning moves to a device.

    Attributes:
        pixels: (n, 3, size, size) uint8 RGB, channels last in memory. n varies: an image that failed has no row.
        labels: (n,) int64, the number of the image that a row shows: rows of equal labels show the same image.
        kinds: (n,) int64: VIEW, UNEDITED (a random negative) or HARD (a mined one).
        failures: (path, reason) of each image that could not be used.
    """

    pixels: torch.Tensor
    labels: torch.Tensor
    kinds: torch.Tensor
    failures: list[tuple[str, str]]


@dataclass(frozen=True, eq=False)
class View:
    """One row of a batch. `pixels`: (size, size, 3) uint8 RGB; `edits`: names in order; empty for an unedited image."""

    pixels: np.ndarray
    number: int
    kind: int
    edits: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Item:
    """Two views of one image, then its negatives; no view at all where the image failed."""

    views: tuple[View, ...]
    failures: tuple[tuple[str, str], ...]


def collate(items: Sequence[Item], size: int) -> Batch:
    """One batch of items; empty where all of them failed."""
    views = [view for item in items for view in item.views]
    pixels = np.empty((len(views), size, size, 3), np.uint8)
    for place, view in enumerate(views):
        pixels[place] = view.pixels
    return Batch(
        torch.from_numpy(pixels).permute(0, 3, 1, 2),
        torch.tensor([view.number for view in views], dtype=torch.int64),
        torch.tensor([view.kind for view in views], dtype=torch.int64),
        [failure for item in items for failure in item.failures],
    )
