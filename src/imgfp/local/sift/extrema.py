"""Keypoint localisation: scale-space extrema with subpixel and sublevel refinement (Lowe, IJCV 2004, section 4)."""

import numpy as np

from imgfp.local.jit import entry, part

_EARLY = 0.8  # fraction of the contrast threshold that a pixel must reach before refinement
_CAPACITY = 4096  # initial number of extrema per octave
_ROUNDS = 5  # maximum refinement steps of one pixel
_STEP = 0.6  # a larger offset moves the point to the next pixel


def find_extrema(differences: np.ndarray, peak: float, edge: float) -> np.ndarray:
    """Local extrema of one octave that pass the contrast and edge tests.

    Args:
        differences: (S + 2, h, w) float32, h and w at least 3.
        peak: Minimum absolute value after refinement.
        edge: Maximum ratio of the principal curvatures.

    Returns:
        (n, 4) float64: x, y in pixels, refined level, integer level of detection; sorted by level, row, column.
    """
    capacity = _CAPACITY
    while True:
        found = np.empty((capacity, 4), np.float64)
        number = _find(differences, float(peak), float(edge), found)
        if number <= capacity:
            return found[:number]
        capacity = number


@entry()
def _find(differences, peak, edge, found):  # type: ignore[no-untyped-def]
    """Fills `found` up to its capacity; returns the total number. (Growing an array here would slow the loops down.)"""
    count, height, width = differences.shape
    early = np.float32(_EARLY * peak)
    number = 0
    excess = np.empty(width - 2, np.float32)
    for level in range(1, count - 1):
        low, at, high = differences[level - 1], differences[level], differences[level + 1]
        for y in range(1, height - 1):
            _measure(
                low[y, 1 : width - 1],
                at[y - 1, 1 : width - 1],
                at[y],
                at[y + 1, 1 : width - 1],
                high[y, 1 : width - 1],
                early,
                excess,
            )
            for column in range(width - 2):
                if excess[column] > 0 and _is_extremum(differences, level, y, column + 1):
                    row = min(number, len(found) - 1)
                    number += _refine(differences, level, y, column + 1, peak, edge, found, row)
    return number


@part()
def _measure(low, above, row, below, high, early, excess):  # type: ignore[no-untyped-def]
    """Margin by which each inner pixel of a row exceeds the threshold and its six nearest neighbours; mostly negative.

    This simple form can be vectorised by the compiler; few pixels remain for the full test.
    """
    left, middle, right = row[: len(excess)], row[1 : 1 + len(excess)], row[2:]
    for x in range(len(excess)):
        value = middle[x]
        top = max(max(max(left[x], right[x]), max(above[x], below[x])), max(max(low[x], high[x]), early))
        bottom = min(min(min(left[x], right[x]), min(above[x], below[x])), min(min(low[x], high[x]), -early))
        excess[x] = max(value - top, bottom - value)


@part()
def _is_extremum(differences, level, y, x):  # type: ignore[no-untyped-def]
    """Whether a pixel is larger, or smaller, than all 26 neighbours."""
    sign = np.float32(1) if differences[level, y, x] > 0 else np.float32(-1)
    value = sign * differences[level, y, x]
    reached = 0
    for z in range(level - 1, level + 2):
        for row in range(y - 1, y + 2):
            for column in range(x - 1, x + 2):
                reached += sign * differences[z, row, column] >= value
    return reached == 1  # only the pixel itself


@part()
def _refine(differences, level, y, x, peak, edge, found, row):  # type: ignore[no-untyped-def]
    """Fits a quadric around the pixel, moving to the next pixel while the extremum is closer to it; 1 if the point is kept."""
    count, height, width = differences.shape
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
    # trace^2 / determinant of the 2 x 2 Hessian grows with the ratio of curvatures; a negative determinant is a saddle
    if not (ss > 0 and (dxx + dyy) ** 2 * edge < (edge + 1) ** 2 * ss):
        return 0
    x_refined, y_refined, level_refined = x + move_x, y + move_y, level + move_s
    if not (0 <= x_refined <= width - 1 and 0 <= y_refined <= height - 1 and 0 <= level_refined <= count):
        return 0
    found[row, 0], found[row, 1], found[row, 2], found[row, 3] = x_refined, y_refined, level_refined, level
    return 1
