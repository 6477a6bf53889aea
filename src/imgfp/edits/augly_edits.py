"""AugLy's own edits, where it is installed: the functions that the challenge's queries were made with.

Every parameter is drawn from the given generator, in ranges like those of the edits here. Left out are `random_noise`
and `shuffle_pixels` (they reseed NumPy's global generator), `meme_format` and `perspective_transform` (they fail on
today's NumPy and Pillow) and `clip_image_size` (a `scale` that depends on the size): the edits here do the same.
"""

from collections.abc import Sequence

import numpy as np

from imgfp.edits import augly_geometry, augly_overlays, augly_pixels
from imgfp.edits.augly_import import augly_image
from imgfp.edits.edit import Edit, Edited, in_place

# AugLy rounds sizes down, to nothing on a thin picture, which it then refuses
_LEAST_SIDE, _MOST_ASPECT = 16, 16


def augly_catalogue(pool: Sequence[np.ndarray] = ()) -> dict[str, Edit]:
    """Edits called "augly_" and the name of their like here, sorted by name; empty where AugLy is missing.

    A picture with a side below 16 pixels, or 16 times as long as wide, is left as it is.

    Args:
        pool: Other photographs, each (h, w, 3) uint8 RGB; only the one that an edit uses is asked for, when it is
            used. Without any, the edits that need one (on_background, photo_over) are left out.
    """
    if augly_image() is None:
        return {}
    edits: dict[str, Edit] = {
        "aspect": augly_geometry.aspect,
        "crop": augly_geometry.crop,
        "hflip": augly_geometry.hflip,
        "pad": augly_geometry.pad,
        "pad_square": augly_geometry.pad_square,
        "rotate": augly_geometry.rotate,
        "scale": augly_geometry.scale,
        "skew": augly_geometry.skew,
        "vflip": augly_geometry.vflip,
        "blur": augly_pixels.blur,
        "brightness": augly_pixels.brightness,
        "colour_jitter": augly_pixels.colour_jitter,
        "contrast": augly_pixels.contrast,
        "filter": augly_pixels.pillow_filter,
        "grayscale": augly_pixels.grayscale,
        "jpeg": augly_pixels.jpeg,
        "opacity": augly_pixels.opacity,
        "palette": augly_pixels.palette,
        "pixelize": augly_pixels.pixelize,
        "saturation": augly_pixels.saturation,
        "sharpen": augly_pixels.sharpen,
        "emoji": augly_overlays.emoji,
        "masked": augly_overlays.masked,
        "screenshot": augly_overlays.screenshot,
        "stripes": augly_overlays.stripes,
        "text": augly_overlays.text,
    }
    if len(pool):
        edits["on_background"] = augly_overlays.on_background(pool)
        edits["photo_over"] = augly_overlays.photo_over(pool)
    return {f"augly_{name}": _not_of_thin_pictures(edits[name]) for name in sorted(edits)}


def _not_of_thin_pictures(edit: Edit) -> Edit:
    def guarded(image: np.ndarray, rng: np.random.Generator) -> Edited:
        short, long = sorted(image.shape[:2])
        thin = short < _LEAST_SIDE or long > _MOST_ASPECT * short
        return in_place(image.copy()) if thin else edit(image, rng)

    return guarded
