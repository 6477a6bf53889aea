"""Edits that embed the image: in a photograph, a phone screen or a captioned frame."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from imgfp.edits.edit import Edit, Edited, resized, scaled, slimmed, translation
from imgfp.edits.lettering import any_colour, font, words


def on_background(pool: Sequence[np.ndarray]) -> Edit:
    """Returns the edit that pastes the image on a photograph of `pool`, where it covers 45 to 80 % of a side."""

    def edit(image: np.ndarray, rng: np.random.Generator) -> Edited:
        other = pool[int(rng.integers(0, len(pool)))]
        factor, share = rng.uniform(0.6, 1.0), rng.uniform(0.45, 0.8)
        # the background is resampled to fit the image, which keeps its own resolution
        grow = max(image.shape[1] / other.shape[1], image.shape[0] / other.shape[0]) * factor / share
        source = slimmed(image, other.shape[0] * other.shape[1] * grow**2)
        pasted = scaled(source.image, factor)
        height, width = pasted.image.shape[:2]
        grow = max(width / other.shape[1], height / other.shape[0]) / share
        canvas = resized(other, round(other.shape[1] * grow), round(other.shape[0] * grow)).image
        left = int(rng.integers(0, canvas.shape[1] - width + 1))
        top = int(rng.integers(0, canvas.shape[0] - height + 1))
        canvas[top : top + height, left : left + width] = pasted.image
        return Edited(canvas, translation(left, top) @ pasted.matrix @ source.matrix)

    return edit


def screenshot(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """A phone screen that shows the image as a post: status bar, name, image, buttons, a comment.

    The screen is 1 to 1.33 times as wide as the image, between 160 and 480 pixels; a tall image is shown with a height of at
    most twice the screen width, with page background on both sides.
    """
    width = min(max(160, round(image.shape[1] * rng.uniform(1, 1.33))), 480)
    shown = scaled(image, min(width / image.shape[1], 2 * width / image.shape[0]))
    shown_height, shown_width = shown.image.shape[:2]
    back, ink = ((255, 255, 255), (30, 30, 30)) if rng.random() < 0.6 else ((18, 18, 18), (235, 235, 235))
    unit = width // 16
    top, start = 4 * unit, (width - shown_width) // 2
    screen = Image.new("RGB", (width, top + shown_height + 6 * unit), back)
    draw = ImageDraw.Draw(screen)
    clock = f"{int(rng.integers(0, 24)):02d}:{int(rng.integers(0, 60)):02d}"
    draw.text((unit // 2, unit // 4), clock, font=font(unit * 3 // 4), fill=ink)
    draw.rounded_rectangle((width - 2 * unit, unit // 3, width - unit // 2, unit), unit // 5, outline=ink, width=2)
    draw.ellipse((unit // 2, unit * 3 // 2, unit * 5 // 2, unit * 7 // 2), fill=any_colour(rng))
    draw.text((3 * unit, 2 * unit), words(rng, 2).title(), font=font(unit), fill=ink)
    below = top + shown_height
    for place in range(3):  # like, comment, send
        left = unit // 2 + 2 * unit * place
        draw.ellipse((left, below + unit // 2, left + unit, below + unit * 3 // 2), outline=ink, width=2)
    draw.text((unit // 2, below + 2 * unit), words(rng, 6), font=font(unit * 4 // 5), fill=ink)
    draw.line((0, below + 4 * unit, width, below + 4 * unit), fill=(128, 128, 128))
    for place in range(5):  # navigation
        centre = width * (2 * place + 1) // 10
        draw.rectangle(
            (centre - unit // 2, below + unit * 9 // 2, centre + unit // 2, below + unit * 11 // 2), outline=ink
        )
    page = np.array(screen)
    page[top:below, start : start + shown_width] = shown.image
    return Edited(page, translation(start, top) @ shown.matrix)


def meme(image: np.ndarray, rng: np.random.Generator) -> Edited:
    """A white or black bar with one or two lines of text above or below the image."""
    width = image.shape[1]
    size = max(8, width // 14)
    lines = int(rng.integers(1, 3))
    bar_height = round(size * (1.3 * lines + 1))
    back, ink = ((255, 255, 255), (0, 0, 0)) if rng.random() < 0.7 else ((0, 0, 0), (255, 255, 255))
    bar = Image.new("RGB", (width, bar_height), back)
    draw = ImageDraw.Draw(bar)
    for line in range(lines):
        draw.text((size / 2, size / 2 + 1.3 * size * line), words(rng, 5), font=font(size), fill=ink)
    if rng.random() < 0.7:
        return Edited(np.concatenate([np.array(bar), image]), translation(0, bar_height))
    return Edited(np.concatenate([image, np.array(bar)]), np.eye(3))
