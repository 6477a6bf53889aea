"""Geometric edits: crop, rotation, flip, scaling, padding, perspective, shear."""

import cv2
import numpy as np

from imgfp.edits.edit import Edited, resized, scaled, slimmed, translation

_QUARTERS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}
_INWARDS = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])


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
    """Rotates by 4 to 25 degrees either way on a larger canvas, whose corners are black or a blurred copy."""
    angle = float(rng.uniform(4, 25) * rng.choice([-1, 1]))
    blurred = bool(rng.random() < 0.4)
    width, height = _turned(image, angle)
    source = slimmed(image, width * height)
    width, height = _turned(source.image, angle)
    old_height, old_width = source.image.shape[:2]
    turn = cv2.getRotationMatrix2D(((old_width - 1) / 2, (old_height - 1) / 2), angle, 1.0)
    turn[:, 2] += (width - old_width) / 2, (height - old_height) / 2
    matrix = np.vstack([turn, [0.0, 0.0, 1.0]])
    return Edited(_warped(source.image, matrix, width, height, blurred), matrix @ source.matrix)


def rot90(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """One, two or three quarter turns, counter-clockwise."""
    height, width = image.shape[:2]
    quarters = int(rng.integers(1, 4))
    matrix = {
        1: [[0, 1, 0], [-1, 0, width - 1], [0, 0, 1]],
        2: [[-1, 0, width - 1], [0, -1, height - 1], [0, 0, 1]],
        3: [[0, -1, height - 1], [1, 0, 0], [0, 0, 1]],
    }[quarters]
    return Edited(cv2.rotate(image, _QUARTERS[quarters]), np.array(matrix, dtype=np.float64))


def hflip(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Flips horizontally."""
    return Edited(cv2.flip(image, 1), mirroring(image, axis=0))


def vflip(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Flips vertically."""
    return Edited(cv2.flip(image, 0), mirroring(image, axis=1))


def aspect(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Changes the aspect ratio by a factor of 1.2 to 1.8 at constant area."""
    height, width = image.shape[:2]
    root = float(np.sqrt(rng.uniform(1.2, 1.8)))
    wide = root if rng.random() < 0.5 else 1 / root
    return resized(image, max(1, round(width * wide)), max(1, round(height / wide)))


def scale(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Scales to 50 to 80 % or to 120 to 150 %."""
    factor = rng.uniform(0.5, 0.8) if rng.random() < 0.7 else rng.uniform(1.2, 1.5)
    return scaled(image, factor)


def pad(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Adds borders of up to 30 % of a side: black, white or a random colour."""
    height, width = image.shape[:2]
    left, right = (round(width * share) for share in rng.uniform(0.03, 0.3, 2))
    top, bottom = (round(height * share) for share in rng.uniform(0.03, 0.3, 2))
    padded = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=_border(rng))
    return Edited(padded, translation(left, top))


def pad_square(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Pads two sides to a square: black, white, a random colour, or a blurred copy as in phone apps."""
    source = slimmed(image, max(image.shape[:2]) ** 2)
    height, width = source.image.shape[:2]
    side = max(width, height)
    left, top = (side - width) // 2, (side - height) // 2
    blurred = bool(rng.random() < 0.4)
    canvas = _blurry(source.image, side, side) if blurred else np.full((side, side, 3), _border(rng), dtype=np.uint8)
    canvas[top : top + height, left : left + width] = source.image
    return Edited(canvas, translation(left, top) @ source.matrix)


def perspective(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Perspective transform: each corner moves inwards by up to 20 % of the sides, on black or on a blurred copy."""
    height, width = image.shape[:2]
    # the outer corners of the corner pixels, which are distinct even for an image of one pixel
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]]) - 0.5
    moved = corners + _INWARDS * rng.uniform(0.02, 0.2, (4, 2)) * [width, height]
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), moved.astype(np.float32))
    blurred = bool(rng.random() < 0.3)
    return Edited(_warped(image, matrix, width, height, blurred), matrix)


def skew(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Shears by 0.1 to 0.4 along one axis, on black or on a blurred copy; the canvas keeps its size."""
    height, width = image.shape[:2]
    amount = float(rng.uniform(0.1, 0.4) * rng.choice([-1, 1]))
    matrix = np.eye(3)
    if rng.random() < 0.5:
        matrix[0, 1:] = amount, -amount * (height - 1) / 2
    else:
        matrix[1, ::2] = amount, -amount * (width - 1) / 2
    blurred = bool(rng.random() < 0.3)
    return Edited(_warped(image, matrix, width, height, blurred), matrix)


def mirroring(image: np.ndarray, axis: int) -> np.ndarray:
    """(3, 3) homography that swaps left and right (axis 0) or top and bottom (1) of `image`."""
    matrix = np.eye(3)
    matrix[axis, axis], matrix[axis, 2] = -1, image.shape[1 - axis] - 1
    return matrix


def _border(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
    return [(0, 0, 0), (255, 255, 255), (red, green, blue)][int(rng.integers(0, 3))]


def _turned(image: np.ndarray, angle: float) -> tuple[int, int]:
    """Width and height of the canvas for `image` rotated by `angle` degrees."""
    height, width = image.shape[:2]
    cos, sin = abs(np.cos(np.deg2rad(angle))), abs(np.sin(np.deg2rad(angle)))
    return round(width * cos + height * sin), round(width * sin + height * cos)


def _warped(image: np.ndarray, matrix: np.ndarray, width: int, height: int, blurred: bool) -> np.ndarray:
    canvas = _blurry(image, width, height) if blurred else np.zeros((height, width, 3), dtype=np.uint8)
    # BORDER_TRANSPARENT keeps the canvas outside the image
    return cv2.warpPerspective(
        image, matrix, (width, height), dst=canvas, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
    )


def _blurry(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """`image` stretched to `width` x `height` pixels and blurred beyond recognition."""
    # blurring at 1/8 of the size looks the same and takes 1/30 of the time
    small = resized(image, max(1, width // 8), max(1, height // 8)).image
    small = cv2.GaussianBlur(small, (0, 0), max(0.5, max(width, height) / 200))
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
