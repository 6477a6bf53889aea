"""Keypoints' places: extrema of the differences, refined to parts of a pixel and a level (Lowe, IJCV 2004, section 4)."""

import numba
import numpy as np

_EARLY = 0.8  # share of the contrast threshold that a pixel must pass before it is refined
_ROUNDS = 5  # of refinement, each may step one pixel
_STEP = 0.6  # an offset larger than this moves the point to the next pixel


@numba.njit(nogil=True, cache=True)
def find_extrema(differences, peak, edge):  # type: ignore[no-untyped-def]
    """Local extrema of one octave that are strong and no edges.

    Args:
        differences: (S + 2, h, w) float32, h and w at least 3.
        peak: Least absolute value after refinement.
        edge: Largest ratio of the principal curvatures.

    Returns:
        (n, 4) float64: x, y in pixels, level as refined, level found at; by level, row, column.
    """
    count, height, width = differences.shape
    early = np.float32(_EARLY * peak)
    found = np.empty((256, 4), np.float64)
    number = 0
    flags = np.empty(width - 2, np.uint8)
    for level in range(1, count - 1):
        for y in range(1, height - 1):
            if not _flag(differences[level], y, early, flags):
                continue
            for column in range(width - 2):
                if flags[column] and _is_extremum(differences, level, y, column + 1):
                    if number == len(found):
                        longer = np.empty((2 * number, 4), np.float64)
                        longer[:number] = found
                        found = longer
                    number += _refine(differences, level, y, column + 1, peak, edge, found[number])
    return found[:number].copy()


@numba.njit(nogil=True, cache=True)
def _flag(plane, y, early, flags):  # type: ignore[no-untyped-def]
    """Marks a row's pixels that are strong and beyond their four neighbours; whether there are any."""
    width = plane.shape[1]
    middle, left, right = plane[y, 1 : width - 1], plane[y, : width - 2], plane[y, 2:]
    above, below = plane[y - 1, 1 : width - 1], plane[y + 1, 1 : width - 1]
    some = np.uint8(0)
    for x in range(len(flags)):
        value = middle[x]
        top = (value >= early) & (value > left[x]) & (value > right[x]) & (value > above[x]) & (value > below[x])
        low = (value <= -early) & (value < left[x]) & (value < right[x]) & (value < above[x]) & (value < below[x])
        flags[x] = top | low
        some |= flags[x]
    return some != 0


@numba.njit(nogil=True, cache=True)
def _is_extremum(differences, level, y, x):  # type: ignore[no-untyped-def]
    """Whether a pixel is above, or below, all 26 neighbours."""
    value = differences[level, y, x]
    top = value > 0
    for z in range(level - 1, level + 2):
        for row in range(y - 1, y + 2):
            for column in range(x - 1, x + 2):
                other = differences[z, row, column]
                if (other >= value if top else other <= value) and not (z == level and row == y and column == x):
                    return False
    return True


@numba.njit(nogil=True, cache=True)
def _refine(differences, level, y, x, peak, edge, into):  # type: ignore[no-untyped-def]
    """Fits a quadric around the pixel, steps on while its top lies nearer to another pixel; 1 where the point is kept."""
    _, height, width = differences.shape
    low, at, high = differences[level - 1], differences[level], differences[level + 1]
    step_x = step_y = 0
    for _ in range(_ROUNDS):
        x += step_x
        y += step_y
        value = np.float64(at[y, x])
        dx = 0.5 * (np.float64(at[y, x + 1]) - at[y, x - 1])
        dy = 0.5 * (np.float64(at[y + 1, x]) - at[y - 1, x])
        ds = 0.5 * (np.float64(high[y, x]) - low[y, x])
        dxx = np.float64(at[y, x + 1]) + at[y, x - 1] - 2 * value
        dyy = np.float64(at[y + 1, x]) + at[y - 1, x] - 2 * value
        dss = np.float64(high[y, x]) + low[y, x] - 2 * value
        dxy = 0.25 * (np.float64(at[y + 1, x + 1]) + at[y - 1, x - 1] - at[y - 1, x + 1] - at[y + 1, x - 1])
        dxs = 0.25 * (np.float64(high[y, x + 1]) + low[y, x - 1] - low[y, x + 1] - high[y, x - 1])
        dys = 0.25 * (np.float64(high[y + 1, x]) + low[y - 1, x] - low[y + 1, x] - high[y - 1, x])
        # Cramer's rule on the symmetric 3 x 3 system
        xx, yy, ss = dyy * dss - dys * dys, dxx * dss - dxs * dxs, dxx * dyy - dxy * dxy
        xy, xs, ys = dxs * dys - dxy * dss, dxy * dys - dxs * dyy, dxs * dxy - dxx * dys
        determinant = dxx * xx + dxy * xy + dxs * xs
        if determinant == 0:
            return 0
        move_x = -(xx * dx + xy * dy + xs * ds) / determinant
        move_y = -(xy * dx + yy * dy + ys * ds) / determinant
        move_s = -(xs * dx + ys * dy + ss * ds) / determinant
        step_x = (1 if move_x > _STEP and x < width - 2 else 0) - (1 if move_x < -_STEP and x > 1 else 0)
        step_y = (1 if move_y > _STEP and y < height - 2 else 0) - (1 if move_y < -_STEP and y > 1 else 0)
        if step_x == 0 and step_y == 0:
            break
    peak_value = value + 0.5 * (dx * move_x + dy * move_y + ds * move_s)
    if not (abs(peak_value) > peak and max(abs(move_x), abs(move_y), abs(move_s)) < 1.5):
        return 0
    # curvatures: trace^2 / determinant of the 2 x 2 Hessian grows with their ratio; below 0 it is a saddle
    if not (ss > 0 and (dxx + dyy) ** 2 * edge < (edge + 1) ** 2 * ss):
        return 0
    into[0], into[1], into[2], into[3] = x + move_x, y + move_y, level + move_s, level
    return 1 if 0 <= into[0] <= width - 1 and 0 <= into[1] <= height - 1 and 0 <= into[2] <= len(differences) else 0
