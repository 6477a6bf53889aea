"""Bounding boxes in images, and the YOLO label format."""

from dataclasses import dataclass

import numpy as np

from imgfp.errors import InputError

CLASSES = ("overlay", "screenshot_content", "collage_tile")


@dataclass(frozen=True)
class Box:
    """A bounding box in pixels of the containing image; edges, not pixel centres: right - left is the width."""

    left: float
    top: float
    right: float
    bottom: float
    label: str = CLASSES[0]

    @property
    def area(self) -> float:
        """Area in square pixels; 0 for an inverted box."""
        return max(0.0, self.right - self.left) * max(0.0, self.bottom - self.top)

    def scaled(self, across: float, down: float) -> "Box":
        """The same box in an image resized by these factors."""
        return Box(self.left * across, self.top * down, self.right * across, self.bottom * down, self.label)

    def moved(self, right: float, down: float) -> "Box":
        """The box shifted by this many pixels."""
        return Box(self.left + right, self.top + down, self.right + right, self.bottom + down, self.label)

    def inside(self, width: float, height: float) -> "Box":
        """The box clipped to an image."""
        return Box(
            min(max(self.left, 0.0), width),
            min(max(self.top, 0.0), height),
            min(max(self.right, 0.0), width),
            min(max(self.bottom, 0.0), height),
            self.label,
        )


@dataclass(frozen=True)
class Detection:
    """A detected box in pixels of the image, with its confidence (0 to 1)."""

    box: Box
    confidence: float


def overlap(first: Box, second: Box) -> float:
    """Intersection over union; 0 if both boxes are empty."""
    width = min(first.right, second.right) - max(first.left, second.left)
    height = min(first.bottom, second.bottom) - max(first.top, second.top)
    shared = max(0.0, width) * max(0.0, height)
    union = first.area + second.area - shared
    return shared / union if union > 0 else 0.0


def around(matrix: np.ndarray, width: float, height: float, label: str) -> Box:
    """The bounding box of a (height, width) image after a (3, 3) homography of pixel centres."""
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float) - [0.5, 0.5, 0]
    x, y, z = matrix @ corners.T
    points = np.stack([x / z, y / z]) + 0.5
    left, top, right, bottom = (float(value) for value in (*points.min(axis=1), *points.max(axis=1)))
    return Box(left, top, right, bottom, label)


def to_yolo(boxes: tuple[Box, ...], width: int, height: int) -> str:
    """One line per box: class index, then centre and size as fractions of the image."""
    lines = []
    for box in boxes:
        x, y = (box.left + box.right) / 2 / width, (box.top + box.bottom) / 2 / height
        across, down = (box.right - box.left) / width, (box.bottom - box.top) / height
        lines.append(f"{CLASSES.index(box.label)} {x:.6f} {y:.6f} {across:.6f} {down:.6f}\n")
    return "".join(lines)


def from_yolo(text: str, width: int, height: int, where: str) -> tuple[Box, ...]:
    """Parses the text that `to_yolo` writes.

    Raises:
        InputError: a line is not a box, has an unknown class, or is outside the image.
    """
    boxes = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            label, *values = line.split()
            x, y, across, down = map(float, values)
            name = CLASSES[int(label)] if int(label) >= 0 else None
        except (ValueError, IndexError):
            name = None
        if name is None:
            raise InputError(
                f"{where}, line {number}: {line!r} is not a box: give class (0 to {len(CLASSES) - 1}) x y width height"
            )
        sides = np.array([x - across / 2, y - down / 2, x + across / 2, y + down / 2])
        if not (np.isfinite(sides).all() and sides.min() > -1e-4 and sides.max() < 1 + 1e-4 and across > 0 < down):
            raise InputError(f"{where}, line {number}: {line!r} is outside the image or empty: fix the line")
        left, top, right, bottom = (float(value) for value in sides * [width, height, width, height])
        boxes.append(Box(left, top, right, bottom, name))
    return tuple(boxes)
