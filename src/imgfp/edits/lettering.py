"""Random words, fonts and colours for the edits."""

from functools import lru_cache

import numpy as np
from PIL import ImageFont

_PHRASE = "look at this one best day ever when you see it never again sale new breaking wow really my view today"
_WORDS = _PHRASE.split()
Colour = tuple[int, int, int]


@lru_cache(maxsize=64)  # Pillow parses the font for every size, a third of the time of drawing a short line
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font bundled with Pillow, `size` pixels high but at least 6."""
    return ImageFont.load_default(max(6, size))


def words(rng: np.random.Generator, count: int) -> str:
    """`count` random words, separated by spaces."""
    return " ".join(_WORDS[place] for place in rng.integers(0, len(_WORDS), count))


def any_colour(rng: np.random.Generator) -> Colour:
    """A random RGB colour, 0 to 255 per channel."""
    red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
    return red, green, blue
