"""AugLy's edits that lay something over the picture, or lay the picture into something."""

import json
from collections.abc import Sequence
from functools import cache, partial

import numpy as np
from PIL import Image, ImageDraw

from imgfp.edits.augly_import import augly_assets, augly_function, call_augly
from imgfp.edits.edit import Edit, Edited, in_place, stretch, translation
from imgfp.edits.lettering import any_colour


def emoji(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Any emoji, 20 to 50 % of the height."""
    # AugLy's overlay_emoji is overlay_image of a path, whose file type it asks libmagic for
    with Image.open(_emojis()[int(rng.integers(0, len(_emojis())))]) as chosen:
        return in_place(
            call_augly(
                image,
                "overlay_image",
                overlay=chosen,
                overlay_size=rng.uniform(0.2, 0.5),
                opacity=rng.uniform(0.7, 1.0),
                x_pos=rng.uniform(0, 0.7),
                y_pos=rng.uniform(0, 0.6),
            )
        )


def masked(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """A blur of 1.5 to 4 pixels, or 20 to 60 % or 2 to 3 times the light or colour, in an oval only."""
    name = ["blur", "brightness", "saturation"][int(rng.integers(0, 3))]
    if name == "blur":
        change = partial(augly_function(name), radius=rng.uniform(1.5, 4))
    else:
        factor = rng.uniform(0.2, 0.6) if rng.random() < 0.5 else rng.uniform(2, 3)
        change = partial(augly_function(name), factor=factor)
    size = np.array([image.shape[1], image.shape[0]])
    oval = size * rng.uniform(0.4, 0.9, 2)
    start = (size - oval) * rng.uniform(0, 1, 2)
    mask = Image.new("L", (image.shape[1], image.shape[0]))
    ImageDraw.Draw(mask).ellipse((*start, *(start + oval)), fill=255)
    return in_place(call_augly(image, "masked_composite", mask=mask, transform_function=change))


def stripes(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Solid, dotted or dashed lines, nearly opaque, over 20 to 40 % of the picture."""
    return in_place(
        call_augly(
            image,
            "overlay_stripes",
            line_width=rng.uniform(0.2, 0.4),
            line_color=any_colour(rng),
            line_angle=rng.uniform(0, 180),
            line_density=rng.uniform(0.5, 0.8),
            line_type=["solid", "dotted", "dashed"][int(rng.integers(0, 3))],
            line_opacity=rng.uniform(0.7, 1.0),
        )
    )


def text(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Letters of AugLy's default font; its default text is drawn from global random state, so it is given here."""
    letters = [[int(place) for place in rng.integers(0, 1000, 8)] for _ in range(int(rng.integers(1, 3)))]
    return in_place(
        call_augly(
            image,
            "overlay_text",
            text=letters,
            font_size=rng.uniform(0.12, 0.25),
            color=any_colour(rng),
            x_pos=rng.uniform(0, 0.3),
            y_pos=rng.uniform(0, 0.7),
        )
    )


def photo_over(pool: Sequence[np.ndarray]) -> Edit:
    """The edit that pastes a photograph of `pool` over the picture: at most 30 to 55 % of a side, nearly opaque."""

    def edit(image: np.ndarray, rng: np.random.Generator) -> Edited:
        other = _any_of(pool, rng)
        # AugLy's size is a share of the height: a wide photograph is held to that share of the width
        shape = (image.shape[1] / image.shape[0]) / (other.width / other.height)
        return in_place(
            call_augly(
                image,
                "overlay_image",
                overlay=other,
                overlay_size=rng.uniform(0.3, 0.55) * min(1.0, shape),
                opacity=rng.uniform(0.8, 1.0),
                x_pos=rng.uniform(0, 0.45),
                y_pos=rng.uniform(0, 0.45),
            )
        )

    return edit


def on_background(pool: Sequence[np.ndarray]) -> Edit:
    """The edit that pastes the picture on a photograph of `pool`, stretched so that it takes 45 to 80 % of each side."""

    def edit(image: np.ndarray, rng: np.random.Generator) -> Edited:
        size, x_pos, y_pos = rng.uniform(0.45, 0.8), rng.uniform(0, 0.2), rng.uniform(0, 0.2)
        edited = call_augly(
            image,
            "overlay_onto_background_image",
            background_image=_any_of(pool, rng),
            overlay_size=size,
            x_pos=x_pos,
            y_pos=y_pos,
            scale_bg=True,
        )
        height, width = edited.shape[:2]
        new_height = max(1, int(height * size))
        resampling = stretch(image, int(image.shape[1] * new_height / image.shape[0]), new_height)
        return Edited(edited, translation(int(width * x_pos), int(height * y_pos)) @ resampling)

    return edit


def screenshot(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """The picture in a social network's page, on a phone or in a browser.

    The box is computed as AugLy does it: the one that it returns in `dst_bboxes` is off by up to a pixel.
    """
    folder = augly_assets() / "screenshot_templates"
    # AugLy reads the template each time; the browser's is large, so it is the rarer one
    template = "web.png" if rng.random() < 0.25 else "mobile.png"
    edited = call_augly(image, "overlay_onto_screenshot", template_filepath=str(folder / template))
    left, top, right, bottom = _boxes()[template]
    height, width = image.shape[:2]
    factor = min((right - left) / width, (bottom - top) / height)
    new_width, new_height = int(width * factor), int(height * factor)
    left += (right - left - new_width) // 2
    top += (bottom - top - new_height) // 2
    return Edited(edited, translation(left, top) @ stretch(image, new_width, new_height))


def _any_of(pool: Sequence[np.ndarray], rng: np.random.Generator) -> Image.Image:
    """A photograph of `pool`, cut to four times as long as wide: AugLy rounds the short side of a thin one to nothing."""
    other = pool[int(rng.integers(0, len(pool)))]
    return Image.fromarray(np.ascontiguousarray(other[: 4 * other.shape[1], : 4 * other.shape[0]]))


@cache
def _emojis() -> tuple[str, ...]:
    return tuple(sorted(str(path) for path in (augly_assets() / "twemojis").glob("*/*.png")))


@cache
def _boxes() -> dict[str, tuple[int, int, int, int]]:
    """Left, top, right and bottom of the picture in each screenshot."""
    boxes: dict[str, tuple[int, int, int, int]] = json.loads(
        (augly_assets() / "screenshot_templates" / "bboxes.json").read_text()
    )
    return boxes
