"""Classical detector of pasted images: rectangles of four straight edges, or content on a page of one colour.

Along each side of a pasted image neighbouring pixels differ. The confidence of a box is that of its weakest side: the
fraction of the side along which they do.
"""

import cv2
import numpy as np

from imgfp.detection.box import Box, Detection, overlap

_SIDE = 256  # longer side of the processed image, in pixels
_MIN_STEP = 14  # difference between neighbouring pixels, in grey levels, that counts as an edge
_LINES = 20  # number of strongest columns, and of rows, that boxes are built from
_TEXTURE_DISTANCE = 4  # distance in pixels from a line at which edges count as texture
_MAX_BOXES = 5
_MIN_SIDE = 0.12  # shortest side of a box, as a fraction of the image side


def find_boxes(image: np.ndarray) -> list[Detection]:
    """The most likely boxes, at most five, of an (h, w, 3) uint8 image, most confident first; no two overlap by more than 0.5.

    Confidence is the fraction of the weakest side along which neighbouring pixels differ. The image border counts as a side
    of full strength, but a box needs two sides inside the image.
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
    found: list[Detection] = []
    for confidence, left, top, right, bottom in boxes:
        box = Box(left * scale[0], top * scale[1], right * scale[0], bottom * scale[1])
        if all(overlap(box, other.box) <= 0.5 for other in found):
            found.append(Detection(box, confidence))
        if len(found) == _MAX_BOXES:
            break
    return found


def _edges(image: np.ndarray, axis: int) -> np.ndarray:
    """Float32 mask: neighbours along an axis differ by more than _MIN_STEP in a channel; ones at both borders.

    The mask is dilated by one pixel: edges of rotated or scaled images are not exactly on a line.
    """
    steps = np.abs(np.diff(image.astype(np.int16), axis=axis)).max(axis=2) > _MIN_STEP
    wide = cv2.dilate(steps.astype(np.uint8), np.ones((1, 3) if axis == 1 else (3, 1), np.uint8)).astype(np.float32)
    return np.pad(wide, [(0, 0), (1, 1)] if axis == 1 else [(1, 1), (0, 0)], constant_values=1)


def _strongest(edges: np.ndarray) -> np.ndarray:
    """Positions of the columns with the longest continuous edges, local maxima only; the borders are always included."""
    runs = np.zeros(edges.shape[1])
    current = np.zeros(edges.shape[1])
    for row in edges:
        current = (current + 1) * row
        runs = np.maximum(runs, current)
    peak = runs >= np.maximum(np.pad(runs, 1)[:-2], np.pad(runs, 1)[2:])
    inner = np.flatnonzero(peak[1:-1]) + 1
    inner = inner[np.argsort(-runs[inner], kind="stable")[:_LINES]]
    return np.sort(np.concatenate([[0, edges.shape[1] - 1], inner]))


def _boxes(
    xs: np.ndarray, ys: np.ndarray, across: np.ndarray, down: np.ndarray
) -> list[tuple[float, int, int, int, int]]:
    """(confidence, left, top, right, bottom) of the rectangles of the lines, by confidence with a bonus for area."""
    left, right = (xs[index] for index in np.triu_indices(len(xs), 1))
    top, bottom = (ys[index] for index in np.triu_indices(len(ys), 1))
    min_width, min_height = xs[-1] * _MIN_SIDE, ys[-1] * _MIN_SIDE
    left, right = left[right - left >= min_width], right[right - left >= min_width]
    top, bottom = top[bottom - top >= min_height], bottom[bottom - top >= min_height]
    if not len(left) or not len(top):
        return []
    sides = [_edge_strength(across, top, bottom, x) for x in (left, right)]
    sides += [_edge_strength(down, left, right, y).T for y in (top, bottom)]
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


def _edge_strength(sums: np.ndarray, first: np.ndarray, last: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """(spans, lines) fraction of edges along each line from `first` to `last`, minus half the mean of both sides: texture."""
    length = (last - first)[:, None]

    def fraction(positions: np.ndarray) -> np.ndarray:
        return np.asarray((sums[last[:, None], positions] - sums[first[:, None], positions]) / length)

    end = sums.shape[1] - 1
    texture = fraction(np.maximum(lines - _TEXTURE_DISTANCE, 0))
    texture = texture + fraction(np.minimum(lines + _TEXTURE_DISTANCE, end))
    texture[:, (lines == 0) | (lines == end)] = 0  # the image border has only one side
    return fraction(lines) - texture / 4
