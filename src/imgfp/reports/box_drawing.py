"""Draws bounding boxes on images."""

from collections.abc import Sequence

import cv2
import numpy as np

Corners = tuple[float, float, float, float]
TRUE, FOUND = (46, 204, 113), (255, 140, 0)  # green and orange; the line style differs too


def draw_boxes(image: np.ndarray, true: Sequence[Corners], found: Sequence[Corners] = ()) -> np.ndarray:
    """Draws true boxes (solid green) and detections (dashed orange) on a copy of an (h, w, 3) uint8 RGB image.

    Args:
        image: The image.
        true: True boxes as (left, top, right, bottom) in pixels.
        found: Detected boxes, same format.
    """
    drawn = np.ascontiguousarray(image).copy()
    thick = max(1, round(max(image.shape[:2]) / 160))
    for boxes, colour, dashed in ((true, TRUE, False), (found, FOUND, True)):
        for left, top, right, bottom in boxes:
            corners = [(round(left), round(top)), (round(right) - 1, round(top)), (round(right) - 1, round(bottom) - 1)]
            corners.append((corners[0][0], corners[2][1]))
            for start, stop in zip(corners, corners[1:] + corners[:1], strict=True):
                _line(drawn, start, stop, colour, thick, dashed)
    return drawn


def _line(
    image: np.ndarray,
    start: tuple[int, int],
    stop: tuple[int, int],
    colour: tuple[int, int, int],
    thick: int,
    dashed: bool,
) -> None:
    """A line with a dark outline, visible on any background."""
    length = max(abs(stop[0] - start[0]), abs(stop[1] - start[1]), 1)
    dash = 5 * thick if dashed else length
    for first in range(0, length, 2 * dash):
        (x, y), (u, v) = (
            (
                round(start[0] + (stop[0] - start[0]) * part / length),
                round(start[1] + (stop[1] - start[1]) * part / length),
            )
            for part in (first, min(first + dash, length))
        )
        cv2.line(image, (x, y), (u, v), (0, 0, 0), thick + 2)
        cv2.line(image, (x, y), (u, v), colour, thick)
