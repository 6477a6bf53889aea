"""The named edits."""

from collections.abc import Sequence

import numpy as np

from imgfp.edits import colour, geometry, overlays
from imgfp.edits.edit import Edit
from imgfp.errors import InputError


def catalogue(pool: Sequence[np.ndarray]) -> dict[str, Edit]:
    """All edits that need nothing but this package, sorted by name.

    Args:
        pool: Other photographs, each (h, w, 3) uint8 RGB: backgrounds, and what is pasted over a picture.

    Raises:
        InputError: the pool is empty.
    """
    if not len(pool):
        raise InputError("the pool of other photographs is empty: on_background and photo_over need at least one")
    edits: dict[str, Edit] = {
        "aspect": geometry.aspect,
        "crop": geometry.crop,
        "hflip": geometry.hflip,
        "pad": geometry.pad,
        "perspective": geometry.perspective,
        "rot90": geometry.rot90,
        "rotate": geometry.rotate,
        "scale": geometry.scale,
        "vflip": geometry.vflip,
        "blur": colour.blur,
        "brightness": colour.brightness,
        "colour_filter": colour.colour_filter,
        "contrast": colour.contrast,
        "grayscale": colour.grayscale,
        "invert": colour.invert,
        "jpeg": colour.jpeg,
        "noise": colour.noise,
        "pixelize": colour.pixelize,
        "posterize": colour.posterize,
        "saturation": colour.saturation,
        "sharpen": colour.sharpen,
        "meme": overlays.meme,
        "on_background": overlays.on_background(pool),
        "photo_over": overlays.photo_over(pool),
        "screenshot": overlays.screenshot,
        "sticker": overlays.sticker,
        "stripes": overlays.stripes,
        "text": overlays.text,
    }
    return dict(sorted(edits.items()))
