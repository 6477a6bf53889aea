"""Edits that move no pixel: light, colour, sharpness, compression."""

import io

import cv2
import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from imgfp.edits.edit import Edited, in_place, resized


def brightness(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Darker (40 to 75 %) or brighter (130 to 180 %)."""
    return in_place(np.array(ImageEnhance.Brightness(Image.fromarray(image)).enhance(_less_or_more(rng))))


def contrast(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Flatter (40 to 75 %) or harder (130 to 180 %)."""
    return in_place(np.array(ImageEnhance.Contrast(Image.fromarray(image)).enhance(_less_or_more(rng))))


def saturation(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Paler (10 to 50 %) or 2 to 4 times as colourful."""
    factor = rng.uniform(0.1, 0.5) if rng.random() < 0.5 else rng.uniform(2, 4)
    return in_place(np.array(ImageEnhance.Color(Image.fromarray(image)).enhance(factor)))


def grayscale(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Gray, three equal channels."""
    return in_place(np.array(Image.fromarray(image).convert("L").convert("RGB")))


def blur(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Gaussian blur of 1 to 2.5 pixels."""
    return in_place(cv2.GaussianBlur(image, (0, 0), rng.uniform(1, 2.5)))


def sharpen(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Unsharp mask, strong enough to leave halos."""
    mask = ImageFilter.UnsharpMask(radius=2, percent=int(rng.integers(150, 400)), threshold=0)
    return in_place(np.array(Image.fromarray(image).filter(mask)))


def jpeg(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """JPEG at quality 5 to 24."""
    memory = io.BytesIO()
    Image.fromarray(image).save(memory, "JPEG", quality=int(rng.integers(5, 25)))
    with Image.open(memory) as decoded:
        return in_place(np.array(decoded.convert("RGB")))


def pixelize(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Blocks of 2.5 to 5 pixels."""
    height, width = image.shape[:2]
    block = rng.uniform(2.5, 5)
    small = resized(image, max(1, round(width / block)), max(1, round(height / block))).image
    return in_place(np.array(Image.fromarray(small).resize((width, height), Image.Resampling.NEAREST)))


def noise(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Gaussian noise of 12 to 35 gray levels, each channel by itself."""
    noisy = image + rng.normal(0, rng.uniform(12, 35), image.shape)
    return in_place(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))


def posterize(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """2 or 3 bits a channel."""
    return in_place(np.array(ImageOps.posterize(Image.fromarray(image), int(rng.integers(2, 4)))))


def invert(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """The negative."""
    return in_place(255 - image)


def colour_filter(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """A camera app's filter: a tint laid over it, or gray from a dark colour to a light one."""
    colour = tuple(int(value) for value in rng.integers(0, 256, 3))
    picture = Image.fromarray(image)
    if rng.random() < 0.5:
        share = rng.uniform(0.2, 0.4)
        return in_place(np.array(Image.blend(picture, Image.new("RGB", picture.size, colour), share)))
    dark = tuple(value // 4 for value in colour)
    light = tuple(255 - (255 - value) // 4 for value in colour)
    return in_place(np.array(ImageOps.colorize(picture.convert("L"), dark, light)))


def _less_or_more(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.4, 0.75) if rng.random() < 0.5 else rng.uniform(1.3, 1.8))
