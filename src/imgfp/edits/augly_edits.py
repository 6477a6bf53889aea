"""AugLy's own edits, the functions that the challenge's queries were made with. Only importable where AugLy is.

Every parameter is drawn from the given generator, in ranges like those of our own edits. Not included: `random_noise`
and `shuffle_pixels` (they reseed NumPy's global generator), `meme_format` and `perspective_transform` (they fail on
current NumPy and Pillow), `clip_image_size` (a `scale` that depends on the size).
"""

import importlib
import json
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from imgfp.edits.edit import Edit, Edited, in_place, stretch, translation
from imgfp.edits.geometry import mirroring
from imgfp.edits.lettering import any_colour


@contextmanager
def _without_libmagic() -> Iterator[None]:
    """Lets AugLy be imported where the system's libmagic is missing: it tells the types of files, which we never pass."""
    try:
        importlib.import_module("magic")
    except (ImportError, OSError):  # "failed to find libmagic"; a broken library: OSError
        sys.modules["magic"] = ModuleType("magic")
        try:
            yield
        finally:
            del sys.modules["magic"]
    else:
        yield


with _without_libmagic():
    import augly.image
# AugLy leaves its own template files to the garbage collector
warnings.filterwarnings("ignore", message="unclosed file .*augly", category=ResourceWarning)

# AugLy rounds sizes down, on a thin image to 0, which it then refuses
_MIN_SIDE, _MAX_ASPECT = 16, 16
_ASSETS = Path(augly.__file__).parent / "assets"
_FILTERS = [ImageFilter.EDGE_ENHANCE_MORE, ImageFilter.EMBOSS, ImageFilter.CONTOUR]

Arguments = dict[str, Any]
Draw = Callable[[np.ndarray, np.random.Generator], Arguments]
# (source image, edited image, arguments) -> (3, 3) homography
PixelMap = Callable[[np.ndarray, np.ndarray, Arguments], np.ndarray]


def _edit(
    function: str, pixel_map: PixelMap = lambda *_: np.eye(3), draw: Draw | None = None, **arguments: object
) -> Edit:
    """An edit by AugLy's `function`; without a pixel map nothing moves.

    Args:
        draw: Draws all arguments, where they depend on the image or on each other.
        arguments: Otherwise how each is drawn, in this order: uniformly from (low, high), one of a list, or by a
            function of the generator.
    """

    def edit(image: np.ndarray, rng: np.random.Generator) -> Edited:
        short, long = sorted(image.shape[:2])
        if short < _MIN_SIDE or long > _MAX_ASPECT * short:
            return in_place(image.copy())
        drawn = draw(image, rng) if draw else {name: _value(given, rng) for name, given in arguments.items()}
        edited = np.array(getattr(augly.image, function)(Image.fromarray(image), **drawn).convert("RGB"))
        return Edited(edited, pixel_map(image, edited, drawn))

    return edit


def _value(given: Any, rng: np.random.Generator) -> Any:
    if isinstance(given, list):
        return given[int(rng.integers(0, len(given)))]
    return rng.uniform(*given) if isinstance(given, tuple) else given(rng)


def _either_sign(low: float, high: float) -> Callable[[np.random.Generator], float]:
    return lambda rng: float(rng.uniform(low, high) * rng.choice([-1, 1]))


def _either(
    less: tuple[float, float], more: tuple[float, float], share: float = 0.5
) -> Callable[[np.random.Generator], float]:
    """The first range as often as `share` says, else the second."""
    return lambda rng: rng.uniform(*less) if rng.random() < share else rng.uniform(*more)


@cache
def _emojis() -> list[str]:
    return sorted(str(path) for path in (_ASSETS / "twemojis").glob("*/*.png"))


def _emoji(rng: np.random.Generator) -> Image.Image:
    with Image.open(_value(_emojis(), rng)) as emoji:
        return emoji.copy()


def _letters(rng: np.random.Generator) -> list[list[int]]:
    """One or two lines; AugLy's default text is drawn from global random state."""
    return [[int(place) for place in rng.integers(0, 1000, 8)] for _ in range(int(rng.integers(1, 3)))]


def _template(rng: np.random.Generator) -> str:
    # AugLy reads the template each time; the browser's is large, so it is the rarer one
    return str(_ASSETS / "screenshot_templates" / ("web.png" if rng.random() < 0.25 else "mobile.png"))


def _mask(image: np.ndarray, rng: np.random.Generator) -> Arguments:
    """A blur of 1.5 to 4 pixels, or 20 to 60 % or 2 to 3 times the brightness or saturation, in an ellipse."""
    name = _value(["blur", "brightness", "saturation"], rng)
    change = {"radius": rng.uniform(1.5, 4)} if name == "blur" else {"factor": _either((0.2, 0.6), (2, 3))(rng)}
    size = np.array([image.shape[1], image.shape[0]])
    oval = size * rng.uniform(0.4, 0.9, 2)
    start = (size - oval) * rng.uniform(0, 1, 2)
    mask = Image.new("L", (image.shape[1], image.shape[0]))
    ImageDraw.Draw(mask).ellipse((*start, *(start + oval)), fill=255)
    return {"mask": mask, "transform_function": partial(getattr(augly.image, name), **change)}


def _any_photo(pool: Sequence[np.ndarray], rng: np.random.Generator) -> Image.Image:
    """A photograph of `pool`, cut to an aspect ratio of at most 4: AugLy rounds the short side of a thin one to 0."""
    photo = pool[int(rng.integers(0, len(pool)))]
    return Image.fromarray(np.ascontiguousarray(photo[: 4 * photo.shape[1], : 4 * photo.shape[0]]))


def _photo(pool: Sequence[np.ndarray], image: np.ndarray, rng: np.random.Generator) -> Arguments:
    """Over at most 30 to 55 % of a side, nearly opaque."""
    photo = _any_photo(pool, rng)
    # AugLy's size is a share of the height: a wide photograph is limited to that share of the width
    shape = (image.shape[1] / image.shape[0]) / (photo.width / photo.height)
    return {
        "overlay": photo,
        "overlay_size": rng.uniform(0.3, 0.55) * min(1.0, shape),
        "opacity": rng.uniform(0.8, 1.0),
        "x_pos": rng.uniform(0, 0.45),
        "y_pos": rng.uniform(0, 0.45),
    }


def _crop(_: np.ndarray, rng: np.random.Generator) -> Arguments:
    """Keeps 55 to 90 % of each side."""
    (left, top), (across, down) = rng.uniform(0, 1, 2).tolist(), rng.uniform(0.55, 0.9, 2).tolist()
    x1, y1 = left * (1 - across), top * (1 - down)
    return {"x1": x1, "y1": y1, "x2": x1 + across, "y2": y1 + down}


def _aspect(image: np.ndarray, rng: np.random.Generator) -> Arguments:
    """Width to height changes by a factor of 1.3 to 2; the area stays."""
    change = rng.uniform(1.3, 2)
    return {"ratio": image.shape[1] / image.shape[0] * (change if rng.random() < 0.5 else 1 / change)}


def _stretched(image: np.ndarray, edited: np.ndarray, _: Arguments) -> np.ndarray:
    return stretch(image, edited.shape[1], edited.shape[0])


def _bordered(image: np.ndarray, edited: np.ndarray, _: Arguments) -> np.ndarray:
    return translation((edited.shape[1] - image.shape[1]) // 2, (edited.shape[0] - image.shape[0]) // 2)


def _cropped(image: np.ndarray, _: np.ndarray, drawn: Arguments) -> np.ndarray:
    return translation(-int(image.shape[1] * drawn["x1"]), -int(image.shape[0] * drawn["y1"]))


def _rotated(image: np.ndarray, _: np.ndarray, drawn: Arguments) -> np.ndarray:
    """AugLy keeps the largest box that lies within the rotated image."""
    angle = drawn["degrees"]
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    # Pillow maps the centre of the image to the centre of a larger canvas, whose size counts whole pixels
    height, width = image.shape[:2]
    size = np.array([width, height])
    extent = np.abs([[cos, sin], [sin, cos]]) @ size
    canvas = np.ceil((size + extent) / 2) - np.floor((size - extent) / 2)
    box = augly.image.utils.rotated_rect_with_max_area(width, height, angle)
    left, top = (int(side / 2 - length / 2) for side, length in zip(canvas, box, strict=True))
    turn = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    middle = translation(*((canvas - 1) / 2)) @ turn @ translation(-(width - 1) / 2, -(height - 1) / 2)
    return translation(-left, -top) @ middle


def _skewed(image: np.ndarray, _: np.ndarray, drawn: Arguments) -> np.ndarray:
    amount, matrix = drawn["skew_factor"], np.eye(3)
    if drawn["axis"] == 0:
        matrix[0, 1:] = -amount, amount * (image.shape[0] - 1) / 2
    else:
        matrix[1, ::2] = -amount, amount * (image.shape[1] - 1) / 2
    return matrix


def _onto_background(image: np.ndarray, edited: np.ndarray, drawn: Arguments) -> np.ndarray:
    height, width = edited.shape[:2]
    new_height = max(1, int(height * drawn["overlay_size"]))
    resampling = stretch(image, int(image.shape[1] * new_height / image.shape[0]), new_height)
    return translation(int(width * drawn["x_pos"]), int(height * drawn["y_pos"])) @ resampling


@cache
def _screenshot_boxes() -> dict[str, tuple[int, int, int, int]]:
    """Left, top, right and bottom of the image in each template."""
    boxes: dict[str, tuple[int, int, int, int]] = json.loads(
        (_ASSETS / "screenshot_templates" / "bboxes.json").read_text()
    )
    return boxes


def _in_screenshot(image: np.ndarray, _: np.ndarray, drawn: Arguments) -> np.ndarray:
    """Computed as AugLy does it: the box that it returns in `dst_bboxes` is off by up to a pixel."""
    left, top, right, bottom = _screenshot_boxes()[Path(drawn["template_filepath"]).name]
    height, width = image.shape[:2]
    factor = min((right - left) / width, (bottom - top) / height)
    new_width, new_height = int(width * factor), int(height * factor)
    left += (right - left - new_width) // 2
    top += (bottom - top - new_height) // 2
    return translation(left, top) @ stretch(image, new_width, new_height)


_EDITS = {
    "aspect": _edit("change_aspect_ratio", _stretched, _aspect),
    "blur": _edit("blur", radius=(1, 3)),
    "brightness": _edit("brightness", factor=_either((0.3, 0.75), (1.3, 2))),
    "colour_jitter": _edit(
        "color_jitter", brightness_factor=(0.5, 1.5), contrast_factor=(0.5, 1.5), saturation_factor=(0.5, 1.5)
    ),
    "contrast": _edit("contrast", factor=_either((0.3, 0.75), (1.3, 2))),
    "crop": _edit("crop", _cropped, _crop),
    "emoji": _edit(  # overlay_emoji is this of a path, whose file type it asks libmagic for
        "overlay_image", overlay=_emoji, overlay_size=(0.2, 0.5), opacity=(0.7, 1.0), x_pos=(0, 0.7), y_pos=(0, 0.6)
    ),
    "filter": _edit("apply_pil_filter", filter_type=_FILTERS),
    "grayscale": _edit("grayscale", mode=["luminosity", "average"]),
    "hflip": _edit("hflip", lambda image, *_: mirroring(image, axis=0)),
    "jpeg": _edit("encoding_quality", quality=lambda rng: int(rng.integers(5, 25))),
    "masked": _edit("masked_composite", draw=_mask),
    "opacity": _edit("opacity", level=(0.3, 0.7)),  # on white
    "pad": _edit("pad", _bordered, w_factor=(0.03, 0.3), h_factor=(0.03, 0.3), color=any_colour),
    "pad_square": _edit("pad_square", _bordered, color=any_colour),
    # black and white, or the 216 web colours, dithered; an adaptive palette takes Pillow 60 ms
    "palette": _edit("convert_color", mode=["1", "P"]),
    "pixelize": _edit("pixelization", ratio=(0.2, 0.4)),
    "rotate": _edit("rotate", _rotated, degrees=_either_sign(4, 25)),
    "saturation": _edit("saturation", factor=_either((0.1, 0.5), (2, 5))),
    "scale": _edit("scale", _stretched, factor=_either((0.4, 0.8), (1.2, 1.5), share=0.7)),
    "screenshot": _edit("overlay_onto_screenshot", _in_screenshot, template_filepath=_template),
    "sharpen": _edit("sharpen", factor=(3, 20)),
    # what leaves the canvas is lost
    "skew": _edit("skew", _skewed, skew_factor=_either_sign(0.1, 0.4), axis=lambda rng: int(rng.integers(0, 2))),
    "stripes": _edit(
        "overlay_stripes",
        line_width=(0.2, 0.4),
        line_color=any_colour,
        line_angle=(0, 180),
        line_density=(0.5, 0.8),
        line_type=["solid", "dotted", "dashed"],
        line_opacity=(0.7, 1.0),
    ),
    "text": _edit(
        "overlay_text", text=_letters, font_size=(0.12, 0.25), color=any_colour, x_pos=(0, 0.3), y_pos=(0, 0.7)
    ),
    "vflip": _edit("vflip", lambda image, *_: mirroring(image, axis=1)),
}


def create_edits(pool: Sequence[np.ndarray]) -> dict[str, Edit]:
    """See `augly_catalogue`; by names without the prefix, unsorted."""
    if not len(pool):
        return _EDITS
    onto = _edit(  # the photograph is stretched so that the image takes 45 to 80 % of each side
        "overlay_onto_background_image",
        _onto_background,
        overlay_size=(0.45, 0.8),
        x_pos=(0, 0.2),
        y_pos=(0, 0.2),
        background_image=partial(_any_photo, pool),
        scale_bg=lambda _: True,
    )
    return _EDITS | {"on_background": onto, "photo_over": _edit("overlay_image", draw=partial(_photo, pool))}
