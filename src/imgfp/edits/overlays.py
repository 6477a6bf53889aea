"""Edits that lay something over the picture, or lay the picture into something."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from imgfp.edits.edit import Edit, Edited, in_place, resized, translation

_PHRASE = "look at this one best day ever when you see it never again sale new breaking wow really my view today"
_WORDS = _PHRASE.split()
Colour = tuple[int, int, int]


def text(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """One to three lines of large words across the picture."""
    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture)
    size = round(min(picture.size) * rng.uniform(0.08, 0.2))
    left, top = rng.uniform(0, 0.3) * picture.width, rng.uniform(0, 0.7) * picture.height
    colour = _colour(rng)
    for line in range(int(rng.integers(1, 4))):
        draw.text((left, top + 1.2 * size * line), _words(rng, 3), font=_font(size), fill=colour)
    return in_place(np.array(picture))


def stripes(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """Slanted bars of one colour, nearly opaque, over 20 to 40 % of the picture."""
    height, width = image.shape[:2]
    angle = rng.uniform(0, np.pi)
    period = rng.uniform(0.2, 0.4) * max(width, height)
    rows, columns = np.mgrid[:height, :width]
    across = (columns * np.cos(angle) + rows * np.sin(angle) + rng.uniform(0, period)) % period
    opacity = np.where(across < rng.uniform(0.2, 0.4) * period, rng.uniform(0.7, 1), 0)[..., None]
    mixed = image * (1 - opacity) + np.array(_colour(rng)) * opacity
    return in_place(np.rint(mixed).astype(np.uint8))


def sticker(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """A drawn face, heart or star over it, 25 to 50 % of the shorter side."""
    picture = Image.fromarray(image)
    side = max(8, round(min(picture.size) * rng.uniform(0.25, 0.5)))
    shape = [_face, _heart, _star][int(rng.integers(0, 3))]()
    shape = shape.resize((side, side), Image.Resampling.LANCZOS)
    left = round(rng.uniform(0, picture.width - side))
    top = round(rng.uniform(0, picture.height - side))
    picture.paste(shape, (left, top), shape)
    return in_place(np.array(picture))


def photo_over(pool: Sequence[np.ndarray]) -> Edit:
    """The edit that pastes a photograph of `pool` over the picture: 30 to 55 % of the sides, nearly opaque."""

    def edit(image: np.ndarray, rng: np.random.Generator) -> Edited:
        height, width = image.shape[:2]
        other = pool[int(rng.integers(0, len(pool)))]
        factor = rng.uniform(0.3, 0.55) * min(width / other.shape[1], height / other.shape[0])
        over_width, over_height = (max(1, round(length * factor)) for length in (other.shape[1], other.shape[0]))
        over = Image.fromarray(resized(other, over_width, over_height).image)
        picture = Image.fromarray(image)
        place = (int(rng.integers(0, width - over_width + 1)), int(rng.integers(0, height - over_height + 1)))
        picture.paste(over, place, Image.new("L", over.size, int(rng.integers(200, 256))))
        return in_place(np.array(picture))

    return edit


def on_background(pool: Sequence[np.ndarray]) -> Edit:
    """The edit that pastes the picture on a photograph of `pool`, where it takes 45 to 80 % of a side."""

    def edit(image: np.ndarray, rng: np.random.Generator) -> Edited:
        other = pool[int(rng.integers(0, len(pool)))]
        factor, share = rng.uniform(0.6, 1.0), rng.uniform(0.45, 0.8)
        width, height = (max(1, round(length * factor)) for length in (image.shape[1], image.shape[0]))
        pasted = resized(image, width, height)
        # the background is resampled so that the picture fits: its own pixels are kept for the match
        grow = max(width / other.shape[1], height / other.shape[0]) / share
        canvas = resized(other, round(other.shape[1] * grow), round(other.shape[0] * grow)).image.copy()
        left = int(rng.integers(0, canvas.shape[1] - width + 1))
        top = int(rng.integers(0, canvas.shape[0] - height + 1))
        canvas[top : top + height, left : left + width] = pasted.image
        return Edited(canvas, translation(left, top) @ pasted.matrix)

    return edit


def screenshot(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """A phone's screen that shows the picture as a post: status bar, name line, picture, buttons, a comment."""
    width = int(rng.integers(320, 480))
    shown_height = max(1, round(image.shape[0] * width / image.shape[1]))
    shown = resized(image, width, shown_height)
    back, ink = ((255, 255, 255), (30, 30, 30)) if rng.random() < 0.6 else ((18, 18, 18), (235, 235, 235))
    unit = width // 16
    top = 4 * unit
    screen = Image.new("RGB", (width, top + shown_height + 6 * unit), back)
    draw = ImageDraw.Draw(screen)
    clock = f"{int(rng.integers(0, 24)):02d}:{int(rng.integers(0, 60)):02d}"
    draw.text((unit // 2, unit // 4), clock, font=_font(unit * 3 // 4), fill=ink)
    draw.rounded_rectangle((width - 2 * unit, unit // 3, width - unit // 2, unit), unit // 5, outline=ink, width=2)
    draw.ellipse((unit // 2, unit * 3 // 2, unit * 5 // 2, unit * 7 // 2), fill=_colour(rng))
    draw.text((3 * unit, 2 * unit), _words(rng, 2).title(), font=_font(unit), fill=ink)
    screen.paste(Image.fromarray(shown.image), (0, top))
    below = top + shown_height
    for place in range(3):  # like, comment, send
        left = unit // 2 + 2 * unit * place
        draw.ellipse((left, below + unit // 2, left + unit, below + unit * 3 // 2), outline=ink, width=2)
    draw.text((unit // 2, below + 2 * unit), _words(rng, 6), font=_font(unit * 4 // 5), fill=ink)
    draw.line((0, below + 4 * unit, width, below + 4 * unit), fill=(128, 128, 128))
    for place in range(5):  # navigation
        centre = width * (2 * place + 1) // 10
        draw.rectangle(
            (centre - unit // 2, below + unit * 9 // 2, centre + unit // 2, below + unit * 11 // 2), outline=ink
        )
    return Edited(np.array(screen), translation(0, top) @ shown.matrix)


def meme(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """A white bar with a line or two of text above the picture."""
    height, width = image.shape[:2]
    size = max(8, width // 14)
    lines = int(rng.integers(1, 3))
    bar = round(size * (1.3 * lines + 1))
    page = Image.new("RGB", (width, height + bar), (255, 255, 255))
    draw = ImageDraw.Draw(page)
    for line in range(lines):
        draw.text((size / 2, size / 2 + 1.3 * size * line), _words(rng, 5), font=_font(size), fill=(0, 0, 0))
    page.paste(Image.fromarray(image), (0, bar))
    return Edited(np.array(page), translation(0, bar))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(6, size))  # Pillow carries this font in itself: no file to look for


def _words(rng: np.random.Generator, count: int) -> str:
    return " ".join(_WORDS[place] for place in rng.integers(0, len(_WORDS), count))


def _colour(rng: np.random.Generator) -> Colour:
    red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
    return red, green, blue


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
