"""AugLy's edits that move pixels, and the matrices that AugLy does not tell."""

import numpy as np

from imgfp.edits.augly_import import augly_function, call_augly
from imgfp.edits.edit import Edited, stretch, translation
from imgfp.edits.geometry import mirroring
from imgfp.edits.lettering import any_colour


def aspect(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Width to height changes by 1.3 to 2; the area stays."""
    change = rng.uniform(1.3, 2)
    ratio = image.shape[1] / image.shape[0] * (change if rng.random() < 0.5 else 1 / change)
    return _stretched(image, call_augly(image, "change_aspect_ratio", ratio=ratio))


def crop(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Keeps 55 to 90 % of each side."""
    x1, y1 = (float(value) for value in rng.uniform(0, 1, 2))
    across, down = (float(value) for value in rng.uniform(0.55, 0.9, 2))
    x1, y1 = x1 * (1 - across), y1 * (1 - down)
    edited = call_augly(image, "crop", x1=x1, y1=y1, x2=x1 + across, y2=y1 + down)
    return Edited(edited, translation(-int(image.shape[1] * x1), -int(image.shape[0] * y1)))


def hflip(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Mirrors left and right."""
    return Edited(call_augly(image, "hflip"), mirroring(image, axis=0))


def vflip(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Mirrors top and bottom."""
    return Edited(call_augly(image, "vflip"), mirroring(image, axis=1))


def pad(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Borders of 3 to 30 % of a side, equal left and right, equal above and below."""
    across, down = (float(value) for value in rng.uniform(0.03, 0.3, 2))
    return _bordered(image, call_augly(image, "pad", w_factor=across, h_factor=down, color=any_colour(rng)))


def pad_square(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Borders at two sides make it square."""
    return _bordered(image, call_augly(image, "pad_square", color=any_colour(rng)))


def rotate(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Turns by 4 to 25 degrees either way and keeps the largest box that lies within the turned picture."""
    angle = float(rng.uniform(4, 25) * rng.choice([-1, 1]))
    edited = call_augly(image, "rotate", degrees=angle)
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    # Pillow turns the middle of the picture into the middle of a larger canvas, whose size counts whole pixels
    height, width = image.shape[:2]
    size = np.array([width, height])
    extent = np.abs([[cos, sin], [sin, cos]]) @ size
    canvas = np.ceil((size + extent) / 2) - np.floor((size - extent) / 2)
    box = augly_function("utils.rotated_rect_with_max_area")(width, height, angle)
    left, top = (int(side / 2 - length / 2) for side, length in zip(canvas, box, strict=True))
    turn = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    middle = translation(*((canvas - 1) / 2)) @ turn @ translation(-(width - 1) / 2, -(height - 1) / 2)
    return Edited(edited, translation(-left, -top) @ middle)


def scale(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Shrinks to 40 to 80 %, or enlarges to 120 to 150 %."""
    factor = rng.uniform(0.4, 0.8) if rng.random() < 0.7 else rng.uniform(1.2, 1.5)
    return _stretched(image, call_augly(image, "scale", factor=factor))


def skew(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Shears by 0.1 to 0.4 along one side, on black; what leaves the canvas is lost."""
    height, width = image.shape[:2]
    amount, axis = float(rng.uniform(0.1, 0.4) * rng.choice([-1, 1])), int(rng.integers(0, 2))
    matrix = np.eye(3)
    if axis == 0:
        matrix[0, 1:] = -amount, amount * (height - 1) / 2
    else:
        matrix[1, ::2] = -amount, amount * (width - 1) / 2
    return Edited(call_augly(image, "skew", skew_factor=amount, axis=axis), matrix)


def _stretched(image: np.ndarray, edited: np.ndarray) -> Edited:
    return Edited(edited, stretch(image, edited.shape[1], edited.shape[0]))


def _bordered(image: np.ndarray, edited: np.ndarray) -> Edited:
    return Edited(edited, translation((edited.shape[1] - image.shape[1]) // 2, (edited.shape[0] - image.shape[0]) // 2))
