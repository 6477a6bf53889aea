"""Edits that move pixels: crop, turn, mirror, stretch, pad, tilt."""

import cv2
import numpy as np

from imgfp.edits.edit import Edited, resized, translation


def crop(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Keeps 55 to 90 % of each side."""
    height, width = image.shape[:2]
    new_width = max(1, round(width * rng.uniform(0.55, 0.9)))
    new_height = max(1, round(height * rng.uniform(0.55, 0.9)))
    left = int(rng.integers(0, width - new_width + 1))
    top = int(rng.integers(0, height - new_height + 1))
    kept = image[top : top + new_height, left : left + new_width]
    return Edited(np.ascontiguousarray(kept), translation(-left, -top))


def rotate(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Turns by 4 to 25 degrees either way; the canvas grows, its corners are black or a blurred copy."""
    height, width = image.shape[:2]
    angle = rng.uniform(4, 25) * rng.choice([-1, 1])
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), float(angle), 1.0)
    cos, sin = abs(turn[0, 0]), abs(turn[0, 1])
    new_width, new_height = round(width * cos + height * sin), round(width * sin + height * cos)
    turn[:, 2] += (new_width - width) / 2, (new_height - height) / 2
    matrix = np.vstack([turn, [0.0, 0.0, 1.0]])
    blurred = bool(rng.random() < 0.4)
    return Edited(_warped(image, matrix, new_width, new_height, blurred), matrix)


def rot90(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """One, two or three quarter turns, counter-clockwise."""
    height, width = image.shape[:2]
    quarters = int(rng.integers(1, 4))
    matrix = {
        1: [[0, 1, 0], [-1, 0, width - 1], [0, 0, 1]],
        2: [[-1, 0, width - 1], [0, -1, height - 1], [0, 0, 1]],
        3: [[0, -1, height - 1], [1, 0, 0], [0, 0, 1]],
    }[quarters]
    return Edited(np.ascontiguousarray(np.rot90(image, quarters)), np.array(matrix, dtype=np.float64))


def hflip(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Mirrors left and right."""
    matrix = np.array([[-1.0, 0.0, image.shape[1] - 1], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    return Edited(np.ascontiguousarray(image[:, ::-1]), matrix)


def vflip(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Mirrors top and bottom."""
    matrix = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, image.shape[0] - 1], [0.0, 0.0, 1.0]])
    return Edited(np.ascontiguousarray(image[::-1]), matrix)


def aspect(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Stretches one side by 1.2 to 1.8; the other shrinks so that the area stays."""
    height, width = image.shape[:2]
    root = float(np.sqrt(rng.uniform(1.2, 1.8)))
    wide = root if rng.random() < 0.5 else 1 / root
    return resized(image, max(1, round(width * wide)), max(1, round(height / wide)))


def scale(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Shrinks to 50 to 80 %, or enlarges to 120 to 150 %."""
    factor = rng.uniform(0.5, 0.8) if rng.random() < 0.7 else rng.uniform(1.2, 1.5)
    return resized(image, max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))


def pad(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Borders of up to 30 % of a side around it: black, white or any colour."""
    height, width = image.shape[:2]
    left, right = (round(width * share) for share in rng.uniform(0.03, 0.3, 2))
    top, bottom = (round(height * share) for share in rng.uniform(0.03, 0.3, 2))
    colours = [(0, 0, 0), (255, 255, 255), tuple(int(value) for value in rng.integers(0, 256, 3))]
    colour = colours[int(rng.integers(0, 3))]
    padded = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=colour)
    return Edited(padded, translation(left, top))


def perspective(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Tilts: each corner moves inwards by up to 20 % of the sides, on black or on a blurred copy."""
    height, width = image.shape[:2]
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], dtype=np.float32)
    inwards = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * rng.uniform(0.02, 0.2, (4, 2)) * [width, height]
    matrix = cv2.getPerspectiveTransform(corners, (corners + inwards).astype(np.float32))
    blurred = bool(rng.random() < 0.3)
    return Edited(_warped(image, matrix, width, height, blurred), matrix)


def _warped(image: np.ndarray, matrix: np.ndarray, width: int, height: int, blurred: bool) -> np.ndarray:
    canvas: np.ndarray = np.zeros((height, width, 3), dtype=np.uint8)
    if blurred:
        canvas = cv2.GaussianBlur(resized(image, width, height).image, (0, 0), max(width, height) / 25)
    # BORDER_TRANSPARENT leaves the canvas as it is wherever the picture does not reach
    return cv2.warpPerspective(
        image, matrix, (width, height), dst=canvas, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
    )
