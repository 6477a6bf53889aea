"""AugLy's edits of light, colour and detail."""

import numpy as np
from PIL import ImageFilter

from imgfp.edits.augly_import import call_augly
from imgfp.edits.edit import Edited, in_place

_FILTERS = (ImageFilter.EDGE_ENHANCE_MORE, ImageFilter.EMBOSS, ImageFilter.CONTOUR)


def blur(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Gaussian blur of 1 to 3 pixels."""
    return in_place(call_augly(image, "blur", radius=rng.uniform(1, 3)))


def brightness(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Darker (30 to 75 %) or brighter (130 to 200 %)."""
    return in_place(call_augly(image, "brightness", factor=_less_or_more(rng)))


def contrast(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Flatter (30 to 75 %) or harder (130 to 200 %)."""
    return in_place(call_augly(image, "contrast", factor=_less_or_more(rng)))


def colour_jitter(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Brightness, contrast and saturation of 50 to 150 % at once."""
    names = ("brightness_factor", "contrast_factor", "saturation_factor")
    return in_place(call_augly(image, "color_jitter", **{name: rng.uniform(0.5, 1.5) for name in names}))


def saturation(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Paler (10 to 50 %) or 2 to 5 times as colourful."""
    factor = rng.uniform(0.1, 0.5) if rng.random() < 0.5 else rng.uniform(2, 5)
    return in_place(call_augly(image, "saturation", factor=factor))


def sharpen(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """3 to 20 times as sharp."""
    return in_place(call_augly(image, "sharpen", factor=rng.uniform(3, 20)))


def opacity(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """30 to 70 % opaque, on white."""
    return in_place(call_augly(image, "opacity", level=rng.uniform(0.3, 0.7)))


def grayscale(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Gray, by luma or by the mean of the channels."""
    return in_place(call_augly(image, "grayscale", mode=["luminosity", "average"][int(rng.integers(0, 2))]))


def palette(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Black and white only, or the 216 colours of the web; dithered."""
    # no adaptive palette: Pillow takes 60 ms for one
    return in_place(call_augly(image, "convert_color", mode=["1", "P"][int(rng.integers(0, 2))]))


def pillow_filter(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Strong edge enhancement, emboss or contours."""
    chosen = _FILTERS[int(rng.integers(0, len(_FILTERS)))]
    return in_place(call_augly(image, "apply_pil_filter", filter_type=chosen))


def jpeg(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """JPEG at quality 5 to 24."""
    return in_place(call_augly(image, "encoding_quality", quality=int(rng.integers(5, 25))))


def pixelize(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Blocks of 2.5 to 5 pixels, smoothed."""
    return in_place(call_augly(image, "pixelization", ratio=rng.uniform(0.2, 0.4)))


def _less_or_more(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.3, 0.75) if rng.random() < 0.5 else rng.uniform(1.3, 2))
