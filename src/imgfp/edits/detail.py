"""Edits of fine detail: sharpness, compression, pixelation, noise; the pixel mapping stays the identity."""

from functools import cache
from statistics import NormalDist

import cv2
import numpy as np

from imgfp.edits.edit import Edited, in_place, resized

# Pillow's filters of the same names: kernel, offset
_FILTERS = (
    (np.array([[-1, -1, -1], [-1, 9, -1], [-1, -1, -1]], dtype=np.float32), 0),  # EDGE_ENHANCE_MORE
    (np.array([[-1, 0, 0], [0, 1, 0], [0, 0, 0]], dtype=np.float32), 128),  # EMBOSS
    (np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], dtype=np.float32), 255),  # CONTOUR
)


def blur(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Gaussian blur of 1 to 2.5 pixels."""
    return in_place(cv2.GaussianBlur(image, (0, 0), rng.uniform(1, 2.5)))


def sharpen(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Unsharp mask, strong enough to leave halos: 1.5 to 4 times the difference from a blur of 2 pixels."""
    amount = rng.uniform(1.5, 4)
    return in_place(cv2.addWeighted(image, 1 + amount, cv2.GaussianBlur(image, (0, 0), 2), -amount, 0))


def edge_filter(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Strong edge enhancement, emboss or contour, like Pillow's filters of these names."""
    kernel, offset = _FILTERS[int(rng.integers(0, len(_FILTERS)))]
    return in_place(cv2.filter2D(image, -1, kernel, delta=offset))


def jpeg(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """JPEG at quality 5 to 24."""
    return in_place(jpeg_saved(image, int(rng.integers(5, 25))))


def jpeg_saved(image: np.ndarray, quality: int) -> np.ndarray:
    """`image` after JPEG compression with that quality (0 to 100)."""
    _, memory = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(memory, cv2.IMREAD_COLOR_RGB))


def pixelize(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Pixelates with blocks of 2.5 to 5 pixels."""
    height, width = image.shape[:2]
    block = rng.uniform(2.5, 5)
    small = resized(image, max(1, round(width / block)), max(1, round(height / block))).image
    return in_place(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST_EXACT))


def noise(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Gaussian noise with a standard deviation of 12 to 35 levels, independent per channel."""
    # Random bytes index 256 quantiles: ten times as fast as sampling normal numbers, without a visible difference.
    quantiles = np.rint(_quantiles() * rng.uniform(12, 35)).astype(np.int16)
    chosen = np.frombuffer(rng.bytes(image.size), dtype=np.uint8).reshape(image.shape)
    return in_place(cv2.add(image, cv2.LUT(chosen, quantiles), dtype=cv2.CV_8U))


def shuffle_pixels(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Permutes 5 to 30 % of the pixels; the matrix describes the others."""
    pixels = image.reshape(-1, 3).copy()
    places = rng.choice(len(pixels), round(len(pixels) * rng.uniform(0.05, 0.3)), replace=False)
    pixels[places] = pixels[np.roll(places, 1)]
    return in_place(pixels.reshape(image.shape))


@cache
def _quantiles() -> np.ndarray:
    """(256,) quantiles of the normal distribution, scaled to standard deviation 1."""
    values = np.array([NormalDist().inv_cdf((place + 0.5) / 256) for place in range(256)])
    return values / values.std()
