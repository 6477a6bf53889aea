"""The sample grid: one card per item, aspect ratios kept, captions that fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imgfp.reports import draw_samples
from imgfp.reports.sample_grid import CELL, GAP, PADDING, _font, _wrapped, sample_grid

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


@dataclass(frozen=True)
class Item:
    images: Sequence[np.ndarray | None]
    captions: Sequence[str]


def plain(height: int, width: int, colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def has(grid: np.ndarray, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """(left, top, width, height) of the box that a colour fills."""
    rows, columns = np.nonzero((grid == colour).all(axis=2))
    return int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


def test_images_are_in_a_row_in_their_own_shape() -> None:
    grid = sample_grid(
        [Item([plain(60, 120, RED), plain(50, 50, GREEN), plain(90, 45, BLUE)], ["one", "two", "three"])]
    )
    first = GAP + PADDING
    assert has(grid, RED) == (first, first + CELL // 4, CELL, CELL // 2)
    assert has(grid, GREEN) == (first + CELL + PADDING, first, CELL, CELL)
    assert has(grid, BLUE) == (first + 2 * (CELL + PADDING) + CELL // 4, first, CELL // 2, CELL)
    assert grid.shape[1] == 2 * GAP + PADDING + 3 * (CELL + PADDING)


def test_two_cards_a_row() -> None:
    items = [Item([plain(9, 9, colour)], [""]) for colour in (RED, GREEN, BLUE)]
    grid = sample_grid(items)
    red, green, blue = (has(grid, colour) for colour in (RED, GREEN, BLUE))
    assert red[1] == green[1] < blue[1]
    assert red[0] == blue[0] < green[0]


def test_a_failed_item_is_a_gray_cell_with_text_and_space_for_its_views() -> None:
    whole = Item([plain(9, 9, RED), plain(9, 9, GREEN)], ["", ""])
    grid = sample_grid([whole, Item([None], ["broken.jpg"])])
    left = 2 * GAP + PADDING + 2 * (CELL + PADDING) + PADDING
    cell = grid[GAP + PADDING : GAP + PADDING + CELL, left : left + CELL]
    assert len(np.unique(cell.reshape(-1, 3), axis=0)) > 3  # gray, letters and their edges
    assert tuple(cell[2, 2]) == (228, 229, 232)


@pytest.mark.parametrize(
    "text",
    [
        "T000123.jpg",
        "crop + colour_jitter + screenshot",
        "photo_over + on_background + perspective + blur " * 3,
        "x" * 99,
    ],
)
def test_captions_fit_below_their_image(text: str) -> None:
    draw = ImageDraw.Draw(Image.new("RGB", (9, 9)))
    lines = _wrapped(draw, text)
    assert 1 <= len(lines) <= 2
    assert all(draw.textlength(line, font=_font()) <= CELL for line in lines)
    shown = " ".join(lines)
    assert shown == text or shown.endswith("...")


def test_no_caption_and_long_words_leave_the_neighbours_alone() -> None:
    grid = sample_grid([Item([plain(9, 9, RED), plain(9, 9, GREEN)], ["x" * 99, ""])])
    below = grid[GAP + PADDING + CELL :, GAP + PADDING + CELL + PADDING : -GAP - PADDING]
    assert (below.reshape(-1, 3).min(axis=0) > 200).all()  # no letter below the second image


def test_the_file_holds_the_grid(tmp_path: Path) -> None:
    items = [Item([plain(9, 9, RED)], ["one"])]
    draw_samples(items, tmp_path / "new" / "samples.png")
    with Image.open(tmp_path / "new" / "samples.png") as image:
        assert image.format == "PNG"
        assert np.array_equal(np.array(image), sample_grid(items))


def test_bad_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="no samples to draw"):
        sample_grid([])
    with pytest.raises(ValueError, match="zip"):
        sample_grid([Item([plain(9, 9, RED)], ["one", "two"])])
