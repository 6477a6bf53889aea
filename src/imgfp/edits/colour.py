"""Colour edits: each pixel is changed independently, none moves."""

import cv2
import numpy as np
from PIL import Image

from imgfp.edits.edit import Edited, in_place

_GRAY = np.array([0.299, 0.587, 0.114])  # the weights of luma, ITU-R BT.601
_LEVELS = np.arange(256, dtype=np.float64)
# Luma and two chroma axes (YIQ): rotating the chroma plane changes the hue and keeps the luma
_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


def brightness(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Darker (40 to 75 %) or brighter (130 to 180 %)."""
    return in_place(_through(image, _LEVELS * _less_or_more(rng)))


def contrast(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Lower (40 to 75 %) or higher (130 to 180 %) contrast around the mean gray."""
    middle = _mean_gray(image)
    return in_place(_through(image, middle + (_LEVELS - middle) * _less_or_more(rng)))


def saturation(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Saturation of 10 to 50 %, or 2 to 4 times."""
    factor = rng.uniform(0.1, 0.5) if rng.random() < 0.5 else rng.uniform(2, 4)
    return in_place(_mixed(image, _saturating(factor)))


def colour_jitter(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Brightness, contrast and saturation of 60 to 140 % each, and a hue rotation of up to 30 degrees."""
    lightness, contrast_factor, saturation_factor = rng.uniform(0.6, 1.4, 3)
    angle = np.deg2rad(rng.uniform(-30, 30))
    cos, sin = np.cos(angle), np.sin(angle)
    rotation = np.linalg.solve(_YIQ, np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]) @ _YIQ)
    offset = lightness * (1 - contrast_factor) * _mean_gray(image)
    return in_place(_mixed(image, lightness * contrast_factor * rotation @ _saturating(saturation_factor), offset))


def grayscale(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Grayscale with three equal channels."""
    return in_place(_gray(image))


def posterize(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """2 or 3 bits per channel."""
    return in_place(image & np.uint8(0xFF << (8 - int(rng.integers(2, 4))) & 0xFF))


def palette(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """An adaptive palette of 8 to 32 colours, or the dithered web palette of 216."""
    source = Image.fromarray(image)
    if rng.random() < 0.5:
        few = source.quantize(int(rng.integers(8, 33)), Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    else:
        few = source.convert("P")
    return in_place(np.array(few.convert("RGB")))


def invert(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Inverts the colours."""
    return in_place(255 - image)


def colour_filter(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """A camera app's filter: a tint, or a duotone from a dark to a light colour."""
    colour = rng.integers(0, 256, 3)
    if rng.random() < 0.5:
        share = rng.uniform(0.2, 0.4)
        return in_place(_through(image, _LEVELS[:, None] * (1 - share) + colour * share))
    dark, light = colour // 4, 255 - (255 - colour) // 4
    return in_place(_through(_gray(image), dark + _LEVELS[:, None] / 255 * (light - dark)))


def _less_or_more(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.4, 0.75) if rng.random() < 0.5 else rng.uniform(1.3, 1.8))


def _gray(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def _mean_gray(image: np.ndarray) -> float:
    return float(np.dot(cv2.mean(image)[:3], _GRAY))


def _through(image: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Applies a lookup table, (256,) for all channels or (256, 3) per channel."""
    levels = np.clip(np.rint(table), 0, 255).astype(np.uint8)
    return cv2.LUT(image, levels.reshape(1, 256, -1))


def _mixed(image: np.ndarray, matrix: np.ndarray, offset: float = 0.0) -> np.ndarray:
    """Multiplies each pixel's colour by a (3, 3) matrix and adds `offset`, clipped to 0..255."""
    return cv2.transform(image, np.column_stack([matrix, np.full(3, offset)]))


def _saturating(factor: float) -> np.ndarray:
    """(3, 3) matrix that scales the difference of a colour from its gray value."""
    return factor * np.eye(3) + (1 - factor) * _GRAY
