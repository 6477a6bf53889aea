"""Draws training samples for visual inspection: one card per sample with the original, its views and their edits."""

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from imgfp.files import write_bytes

CELL = 196  # side of the square cell of an image, in pixels
PADDING = 12  # around a card's content, and between its images
GAP = 14  # between cards, and around them
CARDS_PER_ROW = 2
_FONT, _LINE, _LINES = 13, 17, 2  # captions: font size, line height, maximum number of lines
_PAGE, _CARD, _EDGE, _EMPTY = (240, 241, 243), (255, 255, 255), (218, 220, 224), (228, 229, 232)
_INK, _PALE = (32, 33, 36), (110, 114, 120)


class Sample(Protocol):
    """One sample. Samples may have different numbers of images."""

    @property
    def images(self) -> Sequence[np.ndarray | None]:
        """The original, then its views, each (h, w, 3) uint8 RGB; None for one that could not be read."""

    @property
    def captions(self) -> Sequence[str]:
        """A caption below each image, wrapped to two lines; longer ones are truncated."""


def draw_samples(samples: Sequence[Sample], path: Path, cards_per_row: int = CARDS_PER_ROW) -> None:
    """Writes the cards of all samples as one PNG, atomically.

    Raises:
        ValueError: as `sample_grid`.
    """
    memory = io.BytesIO()
    Image.fromarray(sample_grid(samples, cards_per_row)).save(memory, "PNG", optimize=True)
    write_bytes(path, memory.getvalue())


def sample_grid(samples: Sequence[Sample], cards_per_row: int = CARDS_PER_ROW) -> np.ndarray:
    """Draws the cards in rows; aspect ratios are kept.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        ValueError: there is no sample, or the numbers of images and captions of a sample differ.
    """
    if not samples:
        raise ValueError("no samples to draw: give at least one")
    most = max(len(sample.images) for sample in samples)
    columns = min(cards_per_row, len(samples))
    width = PADDING + most * (CELL + PADDING)
    height = 2 * PADDING + CELL + 6 + _LINES * _LINE
    rows = -(-len(samples) // columns)
    page = Image.new("RGB", (GAP + columns * (width + GAP), GAP + rows * (height + GAP)), _PAGE)
    draw = ImageDraw.Draw(page)
    for place, sample in enumerate(samples):
        left, top = GAP + place % columns * (width + GAP), GAP + place // columns * (height + GAP)
        draw.rounded_rectangle((left, top, left + width - 1, top + height - 1), 8, fill=_CARD, outline=_EDGE)
        for number, (pixels, text) in enumerate(zip(sample.images, sample.captions, strict=True)):
            x = left + PADDING + number * (CELL + PADDING)
            _draw_cell(page, draw, x, top + PADDING, pixels)
            _draw_caption(draw, x, top + PADDING + CELL + 6, text, _PALE if number == 0 else _INK)
    return np.array(page)


def _draw_cell(page: Image.Image, draw: ImageDraw.ImageDraw, x: int, y: int, pixels: np.ndarray | None) -> None:
    if pixels is None:
        draw.rectangle((x, y, x + CELL - 1, y + CELL - 1), fill=_EMPTY)
        draw.text((x + CELL / 2, y + CELL / 2), "unreadable", fill=_PALE, font=_font(), anchor="mm")
        return
    scale = CELL / max(pixels.shape[:2])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    image = Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)
    page.paste(image, (x + (CELL - size[0]) // 2, y + (CELL - size[1]) // 2))


def _draw_caption(draw: ImageDraw.ImageDraw, x: int, y: int, text: str, colour: tuple[int, int, int]) -> None:
    lines = _wrapped(draw, text)
    for number, line in enumerate(lines):
        draw.text((x + CELL / 2, y + number * _LINE), line, fill=colour, font=_font(), anchor="ma")


def _wrapped(draw: ImageDraw.ImageDraw, text: str) -> list[str]:
    """At most two lines that fit below an image, broken between words."""
    lines: list[str] = []
    for word in text.split():
        if lines and draw.textlength(f"{lines[-1]} {word}", font=_font()) <= CELL:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    if len(lines) > _LINES:
        lines = [*lines[: _LINES - 1], f"{lines[_LINES - 1]} ..."]
    return [_cut(draw, line) for line in lines]


def _cut(draw: ImageDraw.ImageDraw, line: str) -> str:
    if draw.textlength(line, font=_font()) <= CELL:
        return line
    line = line.removesuffix(" ...")
    while line and draw.textlength(f"{line}...", font=_font()) > CELL:
        line = line[:-1]
    return f"{line}..."


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(_FONT)  # bundled with Pillow
