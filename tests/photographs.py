"""Photographs that scikit-image ships, cut to the small size that tests need."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

_CORNERS = {"astronaut": ("astronaut.png", 0, 0), "coffee": ("coffee.png", 0, 60), "chelsea": ("chelsea.png", 10, 0)}


def cut_photograph(file: str, top: int, left: int) -> Image.Image:
    """A part of 250 x 230 pixels."""
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        pytest.skip("scikit-image, whose photographs this test cuts up, is not installed")
    pixels = np.asarray(Image.open(Path(spec.origin).parent / "data" / file).convert("RGB"))
    return Image.fromarray(pixels[top : top + 230, left : left + 250])


def photograph(name: str) -> Image.Image:
    """One of a few parts, by name."""
    return cut_photograph(*_CORNERS[name])
