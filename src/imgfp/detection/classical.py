"""Pasted pictures found without a network: four straight edges that close a rectangle, or a page of one colour around it.

A pasted picture ends where the page goes on: along a whole side of it neighbouring pixels differ. So a box counts by its
weakest side, as the share of that side along which they do.
"""

import cv2
import numpy as np

from imgfp.detection.box import Box, Found, overlap

_SIDE = 256  # longer side of the picture that is looked at, in pixels
_STEP = 14  # grey levels between neighbours that make an edge
_LINES = 20  # strongest columns, and rows, that boxes are made of
_BESIDE = 4  # pixels from a line where an edge is none of its own
_LEAST = 0.12  # shorter side of a box, as a share of the picture's


def find_boxes(image: np.ndarray, most: int = 5) -> list[Found]:
    """The likeliest boxes of an (h, w, 3) uint8 picture, the surest first; none overlaps another by more than half.

    Confidence is the share of the weakest side along which neighbouring pixels differ. The picture's own border is a side of
    full strength, but a box needs two sides inside.
    """
    height, width = image.shape[:2]
    factor = min(1.0, _SIDE / max(height, width))
    small = cv2.resize(
        image, (max(8, round(width * factor)), max(8, round(height * factor))), interpolation=cv2.INTER_AREA
    )
    across = _edges(small, axis=1)  # (rows, columns + 1): between columns
    down = _edges(small, axis=0).T  # (columns, rows + 1): between rows
    xs, ys = _strongest(across), _strongest(down)
    sums = [np.vstack([np.zeros((1, part.shape[1])), np.cumsum(part, axis=0)]) for part in (across, down)]
    boxes = _boxes(xs, ys, *sums)
    scale = width / small.shape[1], height / small.shape[0]
    found: list[Found] = []
    for confidence, left, top, right, bottom in boxes:
        box = Box(left * scale[0], top * scale[1], right * scale[0], bottom * scale[1])
        if all(overlap(box, other.box) <= 0.5 for other in found):
            found.append(Found(box, confidence))
        if len(found) == most:
            break
    return found


def _edges(image: np.ndarray, axis: int) -> np.ndarray:
    """Whether neighbours along an axis differ by more than _STEP in a channel, float32, a border of ones at both ends.

    An edge may lie a pixel beside its line: turned or scaled pictures have no exact one.
    """
    steps = np.abs(np.diff(image.astype(np.int16), axis=axis)).max(axis=2) > _STEP
    wide = cv2.dilate(steps.astype(np.uint8), np.ones((1, 3) if axis == 1 else (3, 1), np.uint8)).astype(np.float32)
    return np.pad(wide, [(0, 0), (1, 1)] if axis == 1 else [(1, 1), (0, 0)], constant_values=1)


def _strongest(edges: np.ndarray) -> np.ndarray:
    """Positions of the columns with the longest unbroken edge, each the best of its neighbours; the borders always."""
    runs = np.zeros(edges.shape[1])
    now = np.zeros(edges.shape[1])
    for row in edges:
        now = (now + 1) * row
        runs = np.maximum(runs, now)
    peak = runs >= np.maximum(np.pad(runs, 1)[:-2], np.pad(runs, 1)[2:])
    inner = np.flatnonzero(peak[1:-1]) + 1
    inner = inner[np.argsort(-runs[inner], kind="stable")[:_LINES]]
    return np.sort(np.concatenate([[0, edges.shape[1] - 1], inner]))


def _boxes(
    xs: np.ndarray, ys: np.ndarray, across: np.ndarray, down: np.ndarray
) -> list[tuple[float, int, int, int, int]]:
    """(confidence, left, top, right, bottom) of every rectangle of the lines, the surest first, the larger among equals."""
    left, right = (xs[index] for index in np.triu_indices(len(xs), 1))
    top, bottom = (ys[index] for index in np.triu_indices(len(ys), 1))
    wide, high = xs[-1] * _LEAST, ys[-1] * _LEAST
    left, right = left[right - left >= wide], right[right - left >= wide]
    top, bottom = top[bottom - top >= high], bottom[bottom - top >= high]
    if not len(left) or not len(top):
        return []
    sides = [_standing_out(across, top, bottom, x) for x in (left, right)]
    sides += [_standing_out(down, left, right, y).T for y in (top, bottom)]
    weakest = np.minimum.reduce(sides)
    inside = (left > 0).astype(int) + (right < xs[-1]) + ((top > 0).astype(int) + (bottom < ys[-1]))[:, None]
    weakest[inside < 2] = 0
    area = (right - left) * (bottom - top)[:, None] / (xs[-1] * ys[-1])
    order = np.argsort(-(weakest + 0.15 * np.sqrt(area)), axis=None, kind="stable")[:200]
    rows, columns = np.unravel_index(order, weakest.shape)
    return [
        (float(weakest[row, column]), int(left[column]), int(top[row]), int(right[column]), int(bottom[row]))
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        if weakest[row, column] > 0
    ]


def _standing_out(sums: np.ndarray, first: np.ndarray, last: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """(spans, lines) share of edges along each line from `first` to `last`, less half of what its neighbours have: texture."""
    length = (last - first)[:, None]

    def share(places: np.ndarray) -> np.ndarray:
        return np.asarray((sums[last[:, None], places] - sums[first[:, None], places]) / length)

    end = sums.shape[1] - 1
    beside = share(np.maximum(lines - _BESIDE, 0)) + share(np.minimum(lines + _BESIDE, end))
    beside[:, (lines == 0) | (lines == end)] = 0  # the picture's own border has no other side
    return share(lines) - beside / 4
