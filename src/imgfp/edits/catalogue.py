"""The named edits: those used for the queries of the ISC21 / DISC21 challenge, and similar ones."""

from collections.abc import Sequence

import numpy as np

from imgfp.edits import colour, detail, frames, geometry, overlays
from imgfp.edits.edit import Edit
from imgfp.errors import InputError


def catalogue(pool: Sequence[np.ndarray]) -> dict[str, Edit]:
    """All edits that need no optional package, sorted by name.

    Args:
        pool: Other photographs, each (h, w, 3) uint8 RGB, used as backgrounds and overlays. Edits access single items on
            demand, so the pool may decode files lazily.

    Raises:
        InputError: the pool is empty.
    """
    if not len(pool):
        raise InputError(
            "the pool of photographs is empty: give at least one for on_background, opacity and photo_over"
        )
    edits: dict[str, Edit] = {
        "aspect": geometry.aspect,
        "crop": geometry.crop,
        "hflip": geometry.hflip,
        "pad": geometry.pad,
        "pad_square": geometry.pad_square,
        "perspective": geometry.perspective,
        "rot90": geometry.rot90,
        "rotate": geometry.rotate,
        "scale": geometry.scale,
        "skew": geometry.skew,
        "vflip": geometry.vflip,
        "brightness": colour.brightness,
        "colour_filter": colour.colour_filter,
        "colour_jitter": colour.colour_jitter,
        "contrast": colour.contrast,
        "grayscale": colour.grayscale,
        "invert": colour.invert,
        "palette": colour.palette,
        "posterize": colour.posterize,
        "saturation": colour.saturation,
        "blur": detail.blur,
        "filter": detail.edge_filter,
        "jpeg": detail.jpeg,
        "noise": detail.noise,
        "pixelize": detail.pixelize,
        "sharpen": detail.sharpen,
        "shuffle_pixels": detail.shuffle_pixels,
        "masked": overlays.masked,
        "opacity": overlays.opacity(pool),
        "photo_over": overlays.photo_over(pool),
        "sticker": overlays.sticker,
        "stripes": overlays.stripes,
        "text": overlays.text,
        "meme": frames.meme,
        "on_background": frames.on_background(pool),
        "screenshot": frames.screenshot,
    }
    return dict(sorted(edits.items()))


def augly_catalogue(pool: Sequence[np.ndarray] = ()) -> dict[str, Edit]:
    """AugLy's edits, named "augly_" and the name of their counterpart here, sorted; empty where AugLy is missing.

    An image with a side below 16 pixels, or with an aspect ratio above 16, is left as it is.

    Args:
        pool: As for `catalogue`. Empty: on_background and photo_over, which need it, are left out.
    """
    try:
        from imgfp.edits.augly_edits import create_edits
    except (ImportError, OSError):  # not installed, or a library that it needs is broken
        return {}
    return {f"augly_{name}": edit for name, edit in sorted(create_edits(pool).items())}
