"""SIFT's scale space: Gaussian levels and their differences per octave (Lowe, IJCV 2004, section 3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import ceil, sqrt

import cv2
import numpy as np

from imgfp.local.sift.workspace import Workspace

_IMAGE_BLUR = 0.5  # assumed sigma of the input image
FIRST_BLUR = 1.6  # sigma of each octave's first level, in the octave's pixels
_REACH = 4  # kernel radius in multiples of sigma, as in imgFp


@dataclass(frozen=True)
class Octave:
    """`step`: plane pixels per pixel. `levels`: (S + 3, h, w) float32, sigma 1.6 * 2^(i/S) for level i.

    `differences`: (S + 2, h, w) float32, each level minus the one below.
    """

    step: int
    levels: np.ndarray
    differences: np.ndarray


def make_octaves(plane: np.ndarray, count: int, resolution: int, workspace: Workspace) -> Iterator[Octave]:
    """The octaves of an (h, w) uint8 plane, each half the size of the previous one; fewer than `count` for small planes.

    Args:
        plane: The input plane.
        count: Maximum number of octaves.
        resolution: Levels per octave, S.
        workspace: Buffers for the arrays of an octave, valid until the next octave is requested.
    """
    first, steps = _kernels(resolution)
    lowest = _blurred(plane.astype(np.float32), first)
    for octave in range(count):
        height, width = lowest.shape
        if min(height, width) < 3:  # no pixel has neighbours on all sides
            return
        levels = workspace.take("levels", (resolution + 3, height, width))
        levels[0] = lowest
        for number, kernel in enumerate(steps):
            _blurred(levels[number], kernel, levels[number + 1])
        yield Octave(
            2**octave, levels, _differences(levels, workspace.take("differences", (resolution + 2, height, width)))
        )
        # the level with twice the first sigma, subsampled by two, has sigma 1.6 in the new pixels
        lowest = levels[resolution, : height // 2 * 2 : 2, : width // 2 * 2 : 2].copy()


def _blurred(plane: np.ndarray, kernel: np.ndarray, into: np.ndarray | None = None) -> np.ndarray:
    return cv2.sepFilter2D(plane, cv2.CV_32F, kernel, kernel, dst=into, borderType=cv2.BORDER_REPLICATE)


def _differences(levels: np.ndarray, into: np.ndarray) -> np.ndarray:
    return np.subtract(levels[1:], levels[:-1], out=into)


@lru_cache(maxsize=8)
def _kernels(resolution: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Kernels for the first level from the image, and for each level from the previous one (variances add up)."""
    ratio = 2 ** (1 / resolution)
    sigmas = [FIRST_BLUR * ratio**number for number in range(resolution + 3)]
    steps = [sqrt(wide**2 - narrow**2) for narrow, wide in pairwise(sigmas)]
    return _gaussian(sqrt(FIRST_BLUR**2 - _IMAGE_BLUR**2)), [_gaussian(sigma) for sigma in steps]


def _gaussian(sigma: float) -> np.ndarray:
    reach = max(ceil(_REACH * sigma), 1)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return (weights / weights.sum()).astype(np.float32)
