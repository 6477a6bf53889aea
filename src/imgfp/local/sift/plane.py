"""The input plane of SIFT in imgFp: limited-range luma, reduced so that its smaller side is 300 pixels.

Verified against the original's planes (see docs/local.md): sizes are equal, values differ by at most one grey level.
"""

from functools import lru_cache

import numpy as np
from PIL import Image

BICUBIC_A = -0.6  # libswscale's default; OpenCV uses -0.75, Pillow -0.5


def luma_plane(rgb: np.ndarray, side: int) -> np.ndarray:
    """Converts RGB to the input plane of SIFT.

    Args:
        rgb: (height, width, 3) uint8.
        side: Length to which the smaller side is reduced; smaller images are not resized.

    Returns:
        (height', width') uint8, values 16..235.
    """
    height, width = rgb.shape[:2]
    return shrink(limited_range(full_range_luma(rgb)), *plane_size(width, height, side))


def full_range_luma(rgb: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 RGB to (h, w) uint8 JPEG luma: 0.299 R + 0.587 G + 0.114 B, full range."""
    return np.asarray(Image.fromarray(rgb).convert("L"))


def limited_range(luma: np.ndarray) -> np.ndarray:
    """0..255 to 16..235: round(Y * 219 / 255 + 16), the first step of the original."""
    return _LIMITED_RANGE[luma]


def plane_size(width: int, height: int, side: int) -> tuple[int, int]:
    """(width, height) after reduction: truncated float32 products, so a smaller side of exactly `side` loses a pixel."""
    smaller = min(width, height)
    ratio = np.float32(side / (smaller + 1e-5)) if smaller >= side else np.float32(1)
    return max(1, int(np.float32(width) * ratio)), max(1, int(np.float32(height) * ratio))


def shrink(plane: np.ndarray, width: int, height: int) -> np.ndarray:
    """(h, w) uint8 to (height, width) uint8 by bicubic filtering (a = -0.6), widened by the scale (antialiased)."""
    if plane.shape == (height, width):
        return plane
    rows = _resample_rows(plane.astype(np.float32), height)
    columns = _resample_rows(np.ascontiguousarray(rows.T), width)
    return np.clip(np.rint(columns.T), 0, 255).astype(np.uint8)


def _resample_rows(values: np.ndarray, count: int) -> np.ndarray:
    starts, weights = _filter(len(values), count)
    result = np.empty((count, values.shape[1]), dtype=np.float32)
    for row in range(count):
        taps = weights[row]
        result[row] = taps @ values[starts[row] : starts[row] + len(taps)]
    return result


@lru_cache(maxsize=64)
def _filter(old: int, new: int) -> tuple[list[int], list[np.ndarray]]:
    """For each output row: its first input row and float32 weights (sum 1; taps outside are added to the edge row)."""
    scale = old / new
    widen = max(scale, 1.0)
    starts, weights = [], []
    for row in range(new):
        centre = (row + 0.5) * scale - 0.5
        positions = np.arange(int(np.ceil(centre - 2 * widen)), int(np.floor(centre + 2 * widen)) + 1)
        taps = _bicubic(np.abs(positions - centre) / widen)
        inside = np.clip(positions, 0, old - 1)
        folded = np.bincount(inside - inside[0], weights=taps)
        starts.append(int(inside[0]))
        weights.append((folded / folded.sum()).astype(np.float32))
    return starts, weights


def _bicubic(x: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution kernel with a = BICUBIC_A at distances x >= 0."""
    a = BICUBIC_A
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


_LIMITED_RANGE = np.floor(np.arange(256) * 219 / 255 + 16.5).astype(np.uint8)
