"""Edits that overlay the image with text, shapes or photographs."""

from collections.abc import Callable, Sequence
from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageDraw

from imgfp.edits import colour, detail
from imgfp.edits.edit import Edit, Edited, in_place, resized
from imgfp.edits.lettering import any_colour, font, words

_IN_PART = (colour.brightness, colour.colour_filter, colour.invert, detail.blur, detail.pixelize)


def text(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """One to three lines of large text across the image."""
    canvas = Image.fromarray(image)
    draw = ImageDraw.Draw(canvas)
    size = round(min(canvas.size) * rng.uniform(0.08, 0.2))
    left, top = rng.uniform(0, 0.3) * canvas.width, rng.uniform(0, 0.7) * canvas.height
    ink = any_colour(rng)
    for line in range(int(rng.integers(1, 4))):
        draw.text((left, top + 1.2 * size * line), words(rng, 3), font=font(size), fill=ink)
    return in_place(np.array(canvas))


def stripes(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Slanted, nearly opaque bars of one colour over 20 to 40 % of the image."""
    height, width = image.shape[:2]
    angle = rng.uniform(0, np.pi)
    period = rng.uniform(0.2, 0.4) * max(width, height)
    thickness, opacity = rng.uniform(0.2, 0.4) * period, rng.uniform(0.7, 1)
    across, along = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    reach = float(np.hypot(width, height))
    mask = np.zeros((height, width), dtype=np.uint8)
    for start in np.arange(rng.uniform(-period, 0) - reach, reach, period):
        sides = [(start, -reach), (start, reach), (start + thickness, reach), (start + thickness, -reach)]
        corners = [a * across + b * along + [width / 2, height / 2] for a, b in sides]
        cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 255)
    painted = np.full_like(image, any_colour(rng))
    return in_place(cv2.copyTo(cv2.addWeighted(image, 1 - opacity, painted, opacity, 0), mask, image.copy()))


def sticker(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """A drawn face, heart or star, 25 to 50 % of the shorter side."""
    height, width = image.shape[:2]
    side = min(max(8, round(min(width, height) * rng.uniform(0.25, 0.5))), width, height)
    shape = _drawn([_face, _heart, _star][int(rng.integers(0, 3))])
    shape = cv2.resize(shape, (side, side), interpolation=cv2.INTER_AREA)
    left, top = round(rng.uniform(0, width - side)), round(rng.uniform(0, height - side))
    edited = image.copy()
    below = edited[top : top + side, left : left + side]
    below[:] = shape[..., :3] + (below.astype(np.uint16) * (255 - shape[..., 3:]) // 255).astype(np.uint8)
    return in_place(edited)


def masked(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Brightness, colour filter, inversion, blur or pixelation within an ellipse or box of 40 to 90 % of the sides."""
    height, width = image.shape[:2]
    changed = _IN_PART[int(rng.integers(0, len(_IN_PART)))](image, rng).image
    across, down = round(width * rng.uniform(0.4, 0.9)), round(height * rng.uniform(0.4, 0.9))
    left, top = int(rng.integers(0, width - across + 1)), int(rng.integers(0, height - down + 1))
    mask = np.zeros((height, width), dtype=np.uint8)
    if rng.random() < 0.5:
        mask[top : top + down, left : left + across] = 255
    else:
        cv2.ellipse(mask, (left + across // 2, top + down // 2), (across // 2, down // 2), 0, 0, 360, 255, -1)
    return in_place(cv2.copyTo(changed, mask, image.copy()))


def opacity(pool: Sequence[np.ndarray]) -> Edit:
    """Returns the edit that blends the image with 45 to 75 % opacity over white or a photograph of `pool`."""

    def edit(image: np.ndarray, rng: np.random.Generator) -> Edited:
        share = rng.uniform(0.45, 0.75)
        if rng.random() < 0.5:
            return in_place(cv2.addWeighted(image, share, np.full_like(image, 255), 1 - share, 0))
        other = resized(pool[int(rng.integers(0, len(pool)))], image.shape[1], image.shape[0]).image
        return in_place(cv2.addWeighted(image, share, other, 1 - share, 0))

    return edit


def photo_over(pool: Sequence[np.ndarray]) -> Edit:
    """Returns the edit that pastes a nearly opaque photograph of `pool` over 30 to 55 % of the sides."""

    def edit(image: np.ndarray, rng: np.random.Generator) -> Edited:
        height, width = image.shape[:2]
        other = pool[int(rng.integers(0, len(pool)))]
        factor = rng.uniform(0.3, 0.55) * min(width / other.shape[1], height / other.shape[0])
        over_width, over_height = (max(1, round(length * factor)) for length in (other.shape[1], other.shape[0]))
        over = resized(other, over_width, over_height).image
        left, top = int(rng.integers(0, width - over_width + 1)), int(rng.integers(0, height - over_height + 1))
        share = rng.uniform(0.78, 1)
        edited = image.copy()
        below = edited[top : top + over_height, left : left + over_width]
        below[:] = cv2.addWeighted(below, 1 - share, over, share, 0)
        return in_place(edited)

    return edit


@cache
def _drawn(draw: Callable[[], Image.Image]) -> np.ndarray:
    """(200, 200, 4) uint8 RGBA with premultiplied alpha."""
    shape = np.array(draw()).astype(np.uint16)
    shape[..., :3] = shape[..., :3] * shape[..., 3:] // 255
    return shape.astype(np.uint8)


def _face() -> Image.Image:
    shape = Image.new("RGBA", (200, 200))
    draw = ImageDraw.Draw(shape)
    draw.ellipse((5, 5, 195, 195), fill=(255, 204, 50, 255))
    for left in (55, 120):
        draw.ellipse((left, 60, left + 25, 100), fill=(90, 50, 10, 255))
    draw.chord((50, 75, 150, 165), 15, 165, fill=(120, 40, 20, 255))
    return shape


def _heart() -> Image.Image:
    shape = Image.new("RGBA", (200, 200))
    draw = ImageDraw.Draw(shape)
    angle = np.linspace(0, 2 * np.pi, 100)
    x = 16 * np.sin(angle) ** 3
    y = 13 * np.cos(angle) - 5 * np.cos(2 * angle) - 2 * np.cos(3 * angle) - np.cos(4 * angle)
    draw.polygon([(100 + 5.8 * a, 90 - 5.8 * b) for a, b in zip(x, y, strict=True)], fill=(225, 30, 60, 255))
    return shape


def _star() -> Image.Image:
    shape = Image.new("RGBA", (200, 200))
    angle = np.arange(10) * np.pi / 5 - np.pi / 2
    radius = np.where(np.arange(10) % 2, 40, 98)
    points = list(zip(100 + radius * np.cos(angle), 100 + radius * np.sin(angle), strict=True))
    ImageDraw.Draw(shape).polygon(points, fill=(255, 175, 30, 255), outline=(160, 90, 0, 255))
    return shape
