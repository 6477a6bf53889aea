"""Orientation assignment of keypoints (Lowe, IJCV 2004, section 5)."""

import numpy as np

from imgfp.local.jit import RELAXED, entry, part

BINS = 36
_WINDOW = 1.5  # sigma of the Gaussian window, relative to the keypoint's sigma
_SMOOTHINGS = 6  # number of smoothing passes over the histogram, each a mean of three bins
_SHARE = 0.8  # of the highest bin, that a secondary peak must exceed
_HALF, _ONE = np.float32(0.5), np.float32(1)


def find_orientations(magnitude: np.ndarray, direction: np.ndarray, places: np.ndarray, most: int) -> np.ndarray:
    """Peaks of the histograms of gradient directions around points of one level.

    Args:
        magnitude, direction: (h, w) float32 of `fill_gradients`.
        places: (m, 4) float64 x, y, sigma in the level's pixels (the last column is not used).
        most: Maximum number of orientations per point.

    Returns:
        (n, 4) float64 x, y, sigma, orientation in turns; orientations of a point in ascending order.
    """
    keypoints = np.empty((len(places) * most, 4), np.float64)
    return keypoints[: _find(magnitude, direction, places, most, np.empty(BINS + 2), keypoints)]


@entry()
def _find(magnitude, direction, places, most, histogram, keypoints):  # type: ignore[no-untyped-def]
    """Fills `keypoints` and returns their number. `histogram`: BINS values from index 1, with one padding bin at both ends."""
    number = 0
    for index in range(len(places)):
        _collect(magnitude, direction, places[index, 0], places[index, 1], places[index, 2], histogram)
        for _ in range(_SMOOTHINGS):
            _smooth(histogram)
        highest = 0.0
        for place in range(1, BINS + 1):
            highest = max(highest, histogram[place])
        found = 0
        for place in range(1, BINS + 1):
            before, here, after = histogram[place - 1], histogram[place], histogram[place + 1]
            if here > _SHARE * highest and here > before and here > after and found < most:
                offset = -0.5 * (after - before) / (after + before - 2 * here)  # vertex of the parabola
                for column in range(3):
                    keypoints[number, column] = places[index, column]
                keypoints[number, 3] = (place - 0.5 + offset) / BINS
                number += 1
                found += 1
    return number


@part(fastmath=RELAXED)
def _collect(magnitude, direction, x, y, sigma, histogram):  # type: ignore[no-untyped-def]
    """Gaussian-weighted histogram of gradient directions in a disc around the point; the padding bins wrap around."""
    height, width = magnitude.shape
    centre_x, centre_y = int(x + 0.5), int(y + 0.5)
    window = _WINDOW * sigma
    reach = max(int(3 * window), 1)
    limit = reach * reach + 0.6
    rate = -1 / (2 * window * window)
    for place in range(BINS + 2):
        histogram[place] = 0
    for row in range(max(centre_y - reach, 0), min(centre_y + reach, height - 1) + 1):
        dy = row - y
        if dy * dy >= limit:
            continue
        half = np.sqrt(limit - dy * dy)
        start = max(int(np.ceil(x - half)), centre_x - reach, 0)
        stop = min(int(np.floor(x + half)), centre_x + reach, width - 1) + 1
        # Gaussian weights along the row, computed incrementally
        weight, ratio = np.exp(rate * (dy * dy + (start - x) ** 2)), np.exp(rate * (2 * (start - x) + 1))
        shrink = np.exp(2 * rate)
        for column in range(start, stop):
            place = direction[row, column] * np.float32(BINS) + _HALF
            below = min(int(place), BINS)
            share = magnitude[row, column] * weight
            above = share * (place - below)
            histogram[below] += share - above
            histogram[below + 1] += above
            weight *= ratio
            ratio *= shrink
    histogram[BINS] += histogram[0]
    histogram[1] += histogram[BINS + 1]
    histogram[0], histogram[BINS + 1] = histogram[BINS], histogram[1]


@part()
def _smooth(histogram):  # type: ignore[no-untyped-def]
    """Circular mean of three bins."""
    before = histogram[0]
    for place in range(1, BINS + 1):
        here = histogram[place]
        histogram[place] = (before + here + histogram[place + 1]) / 3
        before = here
    histogram[0], histogram[BINS + 1] = histogram[BINS], histogram[1]
