"""Boxes in pictures, and their text form."""

from dataclasses import dataclass

import numpy as np

from imgfp.errors import InputError

CLASSES = ("overlay", "screenshot_content", "collage_tile")


@dataclass(frozen=True)
class Box:
    """Where a picture lies in another: pixels of the outer one, edges not centres, so right - left is the width."""

    left: float
    top: float
    right: float
    bottom: float
    label: str = CLASSES[0]

    @property
    def area(self) -> float:
        """In square pixels; 0 for a box that is turned inside out."""
        return max(0.0, self.right - self.left) * max(0.0, self.bottom - self.top)

    def scaled(self, across: float, down: float) -> "Box":
        """The same box in a picture resized by these factors."""
        return Box(self.left * across, self.top * down, self.right * across, self.bottom * down, self.label)

    def moved(self, right: float, down: float) -> "Box":
        """The same box that many pixels further."""
        return Box(self.left + right, self.top + down, self.right + right, self.bottom + down, self.label)

    def inside(self, width: float, height: float) -> "Box":
        """The part of it within a picture."""
        return Box(
            min(max(self.left, 0.0), width),
            min(max(self.top, 0.0), height),
            min(max(self.right, 0.0), width),
            min(max(self.bottom, 0.0), height),
            self.label,
        )


@dataclass(frozen=True)
class Found:
    """A box in pixels of the picture, and how sure it is (0 to 1)."""

    box: Box
    confidence: float


def overlap(first: Box, second: Box) -> float:
    """Intersection over union; 0 where both are empty."""
    width = min(first.right, second.right) - max(first.left, second.left)
    height = min(first.bottom, second.bottom) - max(first.top, second.top)
    shared = max(0.0, width) * max(0.0, height)
    union = first.area + second.area - shared
    return shared / union if union > 0 else 0.0


def around(matrix: np.ndarray, width: float, height: float, label: str) -> Box:
    """The box around a (height, width) picture that a (3, 3) homography of pixel centres moves."""
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float) - [0.5, 0.5, 0]
    x, y, z = matrix @ corners.T
    places = np.stack([x / z, y / z]) + 0.5
    left, top, right, bottom = (float(value) for value in (*places.min(axis=1), *places.max(axis=1)))
    return Box(left, top, right, bottom, label)


def to_yolo(boxes: tuple[Box, ...], width: int, height: int) -> str:
    """One line a box: number of the class, then centre and size as shares of the picture."""
    lines = []
    for box in boxes:
        x, y = (box.left + box.right) / 2 / width, (box.top + box.bottom) / 2 / height
        across, down = (box.right - box.left) / width, (box.bottom - box.top) / height
        lines.append(f"{CLASSES.index(box.label)} {x:.6f} {y:.6f} {across:.6f} {down:.6f}\n")
    return "".join(lines)


def from_yolo(text: str, width: int, height: int, where: str) -> tuple[Box, ...]:
    """What `to_yolo` wrote.

    Raises:
        InputError: a line is no box, names a class that is none, or lies outside of the picture.
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
                f"{where}, line {number}: {line!r} is no box: give class (0 to {len(CLASSES) - 1}) x y width height"
            )
        sides = np.array([x - across / 2, y - down / 2, x + across / 2, y + down / 2])
        if not (np.isfinite(sides).all() and sides.min() > -1e-4 and sides.max() < 1 + 1e-4 and across > 0 < down):
            raise InputError(f"{where}, line {number}: {line!r} reaches outside of the picture, or is empty: mend it")
        left, top, right, bottom = (float(value) for value in sides * [width, height, width, height])
        boxes.append(Box(left, top, right, bottom, name))
    return tuple(boxes)
