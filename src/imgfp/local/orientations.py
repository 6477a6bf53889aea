"""Main directions of a keypoint's surroundings (Lowe, IJCV 2004, section 5)."""

import numba
import numpy as np

BINS = 36
_WINDOW = 1.5  # sigma of the window, in the keypoint's sigmas
_SMOOTHINGS = 6  # of the histogram, each a mean of three
_SHARE = 0.8  # of the highest bin that a further peak must reach
_HALF, _ONE = np.float32(0.5), np.float32(1)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def find_orientations(steepness, direction, places, most):  # type: ignore[no-untyped-def]
    """Peaks of the histograms of gradient directions around points of one level.

    Args:
        steepness, direction: (h, w) float32 of `fill_gradients`.
        places: (m, 3) float64 x, y, sigma in the level's pixels.
        most: At most so many orientations a point.

    Returns:
        (n, 4) float64 x, y, sigma, orientation in turns; a point's orientations by rising angle.
    """
    keypoints = np.empty((len(places) * most, 4), np.float64)
    number = 0
    for index in range(len(places)):
        x, y, sigma = places[index]
        histogram = _collect(steepness, direction, x, y, sigma)
        _smooth(histogram)
        number += _add_peaks(histogram, x, y, sigma, most, keypoints[number:])
    return keypoints[:number].copy()


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "nsz", "arcp"})
def _collect(steepness, direction, x, y, sigma):  # type: ignore[no-untyped-def]
    """(BINS,) float64: steepness by direction in a disc around the point, under a bell."""
    height, width = steepness.shape
    centre_x, centre_y = int(x + 0.5), int(y + 0.5)
    window = _WINDOW * sigma
    reach = max(int(3 * window), 1)
    left, right = max(centre_x - reach, 0), min(centre_x + reach, width - 1)
    top, bottom = max(centre_y - reach, 0), min(centre_y + reach, height - 1)
    rate = -1 / (2 * window * window)
    bell = np.empty(right - left + 1, np.float32)
    for column in range(left, right + 1):
        bell[column - left] = np.exp(rate * (column - x) ** 2)
    limit = reach * reach + 0.6  # the window is a disc
    histogram = np.zeros(BINS + 2, np.float32)  # one bin more at both ends, folded in below
    for row in range(top, bottom + 1):
        dy = row - y
        if dy * dy >= limit:
            continue
        share = np.float32(np.exp(rate * dy * dy))
        half = np.sqrt(limit - dy * dy)
        start, stop = max(int(np.ceil(x - half)), left), min(int(np.floor(x + half)), right) + 1
        for column in range(start, stop):
            place = direction[row, column] * np.float32(BINS) + _HALF
            bin_below = min(int(place), BINS)
            above = place - np.float32(bin_below)
            weight = steepness[row, column] * bell[column - left] * share
            histogram[bin_below] += weight * (_ONE - above)
            histogram[bin_below + 1] += weight * above
    histogram[BINS] += histogram[0]
    histogram[1] += histogram[BINS + 1]
    return histogram[1 : BINS + 1].astype(np.float64)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _smooth(histogram):  # type: ignore[no-untyped-def]
    """Means of three, round the circle, several times, in place."""
    for _ in range(_SMOOTHINGS):
        before, first = histogram[BINS - 1], histogram[0]
        for index in range(BINS):
            after = histogram[index + 1] if index + 1 < BINS else first
            here = histogram[index]
            histogram[index] = (before + here + after) / 3
            before = here


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _add_peaks(histogram, x, y, sigma, most, into):  # type: ignore[no-untyped-def]
    """Fits a parabola to each bin above its neighbours and the share of the highest; how many were written."""
    least = _SHARE * histogram.max()
    number = 0
    for index in range(BINS):
        before, here = histogram[(index + BINS - 1) % BINS], histogram[index]
        after = histogram[(index + 1) % BINS]
        if here > least and here > before and here > after and number < most:
            offset = -0.5 * (after - before) / (after + before - 2 * here)
            into[number, 0], into[number, 1], into[number, 2] = x, y, sigma
            into[number, 3] = (index + offset + 0.5) / BINS
            number += 1
    return number
