"""The RootSIFT descriptor: 4 x 4 cells with 8 orientation bins (Lowe, IJCV 2004, section 6; root: Arandjelovic, CVPR 2012)."""

import numpy as np

from imgfp.local.jit import RELAXED, entry, part

CELLS, DIRECTIONS = 4, 8
_CELL = 3.0  # side of a cell, in multiples of sigma
_WINDOW = CELLS / 2  # sigma of the Gaussian window, in cells
_CLIP = 0.2  # maximum of a bin, relative to the vector's norm
_STEPS = 512  # quantisation of bins before the square root
# The histogram is padded by one cell on each side, and has orientation bins 8 and 9 that are added to 0 and 1 at the end:
# this avoids bounds checks in the inner loop.
_SIDE, _STRIDE = CELLS + 2, DIRECTIONS + 2
_HISTOGRAM = _SIDE * _SIDE * _STRIDE
_ROW = 512  # maximum width of a keypoint's neighbourhood in pixels (273 with one level per octave)
_ZERO, _ONE, _LAST, _BINS = np.float32(0), np.float32(1), np.float32(CELLS), np.float32(DIRECTIONS)


@entry()
def describe(magnitude, direction, keypoints):  # type: ignore[no-untyped-def]
    """Descriptors of one level's keypoints.

    Args:
        magnitude, direction: (h, w) float32 of `fill_gradients`.
        keypoints: (n, 4) float64 x, y, sigma in the level's pixels, orientation in turns.

    Returns:
        (n, 128) uint8.
    """
    descriptors = np.empty((len(keypoints), CELLS * CELLS * DIRECTIONS), np.uint8)
    histogram = np.empty(_HISTOGRAM, np.float32)
    gaussians, scratch = np.empty((2, _ROW), np.float32), np.empty(6 * _ROW, np.float32)
    for index in range(len(keypoints)):
        _collect(magnitude, direction, keypoints[index], gaussians, scratch, histogram)
        _finish(histogram, descriptors[index])
    return descriptors


@part(fastmath=RELAXED)
def _collect(magnitude, direction, keypoint, gaussians, scratch, histogram):  # type: ignore[no-untyped-def]
    """Fills the histogram of a keypoint's neighbourhood; buffers: `gaussians` (2, _ROW), `scratch` (6 _ROW) float32."""
    height, width = magnitude.shape
    x, y, sigma, turn = keypoint[0], keypoint[1], keypoint[2], keypoint[3]
    centre_x, centre_y = int(x + 0.5), int(y + 0.5)
    cell = _CELL * sigma
    reach = min(int(np.sqrt(2.0) * cell * (CELLS + 1) / 2 + 0.5), (_ROW - 1) // 2)
    # border pixels have one-sided gradients and are skipped
    left, right = max(centre_x - reach, 1), min(centre_x + reach, width - 2)
    top, bottom = max(centre_y - reach, 1), min(centre_y + reach, height - 2)
    for index in range(_HISTOGRAM):
        histogram[index] = 0
    if left <= right and top <= bottom:
        rate = 1 / (2 * (_WINDOW * cell) ** 2)
        _fill_gaussian(x, left, rate, gaussians[0, : right - left + 1])
        _fill_gaussian(y, top, rate, gaussians[1, : bottom - top + 1])
        cosine, sine = np.cos(2 * np.pi * turn) / cell, np.sin(2 * np.pi * turn) / cell
        for row in range(top, bottom + 1):
            # along a row the cell coordinates (0 to 5 inside) are u = u0 + column * cosine, v = v0 - column * sine
            u0 = (CELLS + 1) / 2 + (row - y) * sine - x * cosine
            v0 = (CELLS + 1) / 2 + (row - y) * cosine + x * sine
            start, stop = _inside(u0, cosine, left, right + 1)
            start, stop = _inside(v0, -sine, start, stop)
            if start < stop:
                _prepare(
                    magnitude[row, start:stop],
                    direction[row, start:stop],
                    gaussians[0, start - left : stop - left],
                    gaussians[1, row - top],
                    np.float32(u0 + start * cosine),
                    np.float32(cosine),
                    np.float32(v0 - start * sine),
                    np.float32(-sine),
                    np.float32(turn - np.floor(turn)),
                    scratch,
                )
                _add(scratch, stop - start, histogram)


@part()
def _fill_gaussian(offset, first, rate, into):  # type: ignore[no-untyped-def]
    """into[i] = exp(-rate * (first + i - offset)^2), computed incrementally in float64 instead of one exp per entry."""
    distance = first - offset
    value = np.exp(-rate * distance * distance)
    ratio = np.exp(-rate * (2 * distance + 1))
    shrink = np.exp(-2 * rate)
    for index in range(len(into)):
        into[index] = value
        value *= ratio
        ratio *= shrink


@part()
def _inside(base, slope, start, stop):  # type: ignore[no-untyped-def]
    """Narrows a range of columns to those with 0 < base + column * slope < 5."""
    if abs(slope) < 1e-12:
        return (start, stop) if 0 < base < CELLS + 1 else (0, 0)
    one, other = -base / slope, (CELLS + 1 - base) / slope
    low, high = min(one, other), max(one, other)
    # clamp first: distant ends do not fit an int
    return int(np.floor(min(max(low, start - 1), stop))) + 1, int(np.ceil(max(min(high, stop), start - 1)))


@part(fastmath=RELAXED)
def _prepare(magnitude, direction, gaussian, weight, u0, du, v0, dv, turn, scratch):  # type: ignore[no-untyped-def]
    """For each gradient of a row: the index of the first of its 2 x 2 x 2 nearest bins, and the weights of their four pairs.

    All results are in one array at fixed offsets, so the compiler knows that they do not alias, and vectorises the loop.
    """
    for index in range(len(magnitude)):
        u, v = u0 + np.float32(index) * du, v0 + np.float32(index) * dv
        column, line = np.int32(min(max(u, _ZERO), _LAST)), np.int32(min(max(v, _ZERO), _LAST))
        right, below = u - np.float32(column), v - np.float32(line)
        angle = direction[index] - turn
        angle = (angle + _ONE if angle < _ZERO else angle) * _BINS
        bin_below = np.int32(angle)
        scratch[index] = np.float32((line * np.int32(_SIDE) + column) * np.int32(_STRIDE) + bin_below)
        scratch[index + _ROW] = angle - np.float32(bin_below)
        share = magnitude[index] * gaussian[index] * weight
        share_below = share * below
        share_above = share - share_below
        share_below_right, share_above_right = share_below * right, share_above * right
        scratch[index + 2 * _ROW] = share_above - share_above_right
        scratch[index + 3 * _ROW] = share_above_right
        scratch[index + 4 * _ROW] = share_below - share_below_right
        scratch[index + 5 * _ROW] = share_below_right


@part(fastmath=RELAXED)
def _add(scratch, count, histogram):  # type: ignore[no-untyped-def]
    """Adds the `count` gradients from `_prepare` to the histogram."""
    for index in range(count):
        at, more = np.uint32(scratch[index]), scratch[index + _ROW]
        a, b = scratch[index + 2 * _ROW], scratch[index + 3 * _ROW]
        c, d = scratch[index + 4 * _ROW], scratch[index + 5 * _ROW]
        histogram[at] += a - a * more
        histogram[at + np.uint32(1)] += a * more
        histogram[at + np.uint32(_STRIDE)] += b - b * more
        histogram[at + np.uint32(_STRIDE + 1)] += b * more
        histogram[at + np.uint32(_SIDE * _STRIDE)] += c - c * more
        histogram[at + np.uint32(_SIDE * _STRIDE + 1)] += c * more
        histogram[at + np.uint32(_SIDE * _STRIDE + _STRIDE)] += d - d * more
        histogram[at + np.uint32(_SIDE * _STRIDE + _STRIDE + 1)] += d * more


@part()
def _finish(histogram, into):  # type: ignore[no-untyped-def]
    """Drops the padding, clips and normalises the histogram, and writes the square root of each bin's share, times 255.

    Bins are first truncated to multiples of 1/512, as imgFp stored them before taking roots.
    """
    values = np.empty(CELLS * CELLS * DIRECTIONS, np.float64)
    for line in range(CELLS):
        for column in range(CELLS):
            start, first = ((line + 1) * _SIDE + column + 1) * _STRIDE, (line * CELLS + column) * DIRECTIONS
            for bin_number in range(DIRECTIONS):
                values[first + bin_number] = histogram[start + bin_number]
            for bin_number in range(_STRIDE - DIRECTIONS):
                values[first + bin_number] += histogram[start + DIRECTIONS + bin_number]
    bound = _CLIP * _length(values)
    for index in range(len(values)):
        values[index] = min(values[index], bound)
    length = _length(values)
    total = 0.0
    for index in range(len(values)):
        values[index] = np.floor(min(_STEPS * values[index] / length, 255.0)) if length > 0 else 0.0
        total += values[index]
    for index in range(len(values)):
        into[index] = np.uint8(np.rint(255 * np.sqrt(values[index] / total))) if total > 0 else 0


@part()
def _length(values):  # type: ignore[no-untyped-def]
    total = 0.0
    for value in values:
        total += value * value
    return np.sqrt(total)
