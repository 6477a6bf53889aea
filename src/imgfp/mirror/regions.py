"""Regions of a feature map: the R-MAC grid of MIRorR, and one with the same number of regions at any aspect ratio."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from imgfp.errors import InputError

POOLS = ("MAX", "AVG", "L2")


class Window(NamedTuple):
    """Rows top:bottom and columns left:right of a feature map."""

    top: int
    left: int
    bottom: int
    right: int


def check_steps(steps: Sequence[int]) -> None:
    """Refuses step lists that make no regions.

    Raises:
        InputError: no step, or one below 1.
    """
    if not steps or min(steps) < 1:
        raise InputError(f"rmac-step {','.join(map(str, steps))!r}: give integers >= 1, such as 1,3,5")


@lru_cache(maxsize=256)
def rmac_windows(height: int, width: int, steps: tuple[int, ...]) -> tuple[Window, ...]:
    """MIRorR's grid, level by level, row by row.

    Step 1 is the whole map. For step s and side f the windows have the side k = 2 * floor(f / (s + 1)) and the stride
    floor((f - k) / (s - 1)); the last that fits is kept, so there may be more than s a side. A level with k or a stride
    below 1 is skipped.
    """
    windows = []
    for step in steps:
        if step == 1:
            windows.append(Window(0, 0, height, width))
            continue
        (kernel_y, stride_y), (kernel_x, stride_x) = (_level(side, step) for side in (height, width))
        if min(kernel_y, kernel_x, stride_y, stride_x) < 1:
            continue
        windows += [
            Window(top, left, top + kernel_y, left + kernel_x)
            for top in range(0, height - kernel_y + 1, stride_y)
            for left in range(0, width - kernel_x + 1, stride_x)
        ]
    return tuple(windows)


def _level(side: int, step: int) -> tuple[int, int]:
    kernel = 2 * (side // (step + 1))
    return kernel, (side - kernel) // (step - 1)


@lru_cache(maxsize=256)
def fractional_windows(height: int, width: int, steps: tuple[int, ...]) -> tuple[Window, ...]:
    """s * s windows for every step s, whatever the map's shape.

    The same proportions without rounding: window i of a side f reaches from i * f / (s + 1) to (i + 2) * f / (s + 1), half
    of it shared with the next; every element that it touches belongs to it.
    """
    windows = []
    for step in steps:
        rows, columns = (
            [(i * side // (step + 1), -(-(i + 2) * side // (step + 1))) for i in range(step)]
            for side in (height, width)
        )
        windows += [Window(top, left, bottom, right) for top, bottom in rows for left, right in columns]
    return tuple(windows)


def pool_regions(maps: np.ndarray, windows: Sequence[Window], pool: str = "MAX") -> np.ndarray:
    """One vector per region.

    Args:
        maps: (n, C, h, w) float32; fastest with channels last in memory.
        windows: The regions.
        pool: "MAX", "AVG" (mean) or "L2" (root of the mean square).

    Returns:
        (n, regions, C) float32, C order, not normalised.
    """
    regions = np.empty((len(maps), len(windows), maps.shape[1]), np.float32)
    for number, (top, left, bottom, right) in enumerate(windows):
        part = maps[:, :, top:bottom, left:right]
        if pool == "MAX":
            part.max(axis=(2, 3), out=regions[:, number])
        elif pool == "AVG":
            part.mean(axis=(2, 3), out=regions[:, number])
        else:
            regions[:, number] = np.sqrt(np.square(part).mean(axis=(2, 3)))
    return regions
