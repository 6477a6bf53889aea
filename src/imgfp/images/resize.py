"""Resizes images to the square input of networks, aspect ratio ignored. One definition for training and search."""

from pathlib import Path

import numpy as np
from PIL import Image

from imgfp.images.decode import read_rgb
from imgfp.images.failure import Failure


def resized(image: np.ndarray, size: int) -> np.ndarray:
    """(h, w, 3) uint8 RGB resampled to (size, size, 3), bicubic with antialiasing."""
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC))


def read_resized(path: Path, size: int) -> np.ndarray | Failure:
    """(size, size, 3) uint8 RGB of an image file, or a `Failure`."""
    image = read_rgb(path, smallest=size)
    return image if isinstance(image, Failure) else resized(image, size)
