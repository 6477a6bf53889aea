import numpy as np
import pytest

from imgfp.reports import draw_match
from imgfp.reports.match_image import BOX_COLOUR, GAP, MAX_LINES, PANEL_COLOUR


def plain(height: int, width: int, colour: tuple[int, int, int] = (40, 60, 160)) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def yellow(image: np.ndarray) -> np.ndarray:
    """Where yellow was mixed in: a thin line may share its colour between two rows of pixels."""
    red, green, blue = np.moveaxis(image.astype(int), 2, 0)
    return (red > blue + 15) & (green > blue + 15)


def test_both_images_have_the_requested_height_and_keep_their_aspect() -> None:
    drawn = draw_match(plain(50, 100), plain(400, 300, (200, 0, 0)), None, height=200)
    assert drawn.dtype == np.uint8
    assert drawn.shape == (200, 400 + GAP + 150, 3)
    assert tuple(drawn[100, 200]) == (40, 60, 160)
    assert tuple(drawn[100, 400 + GAP // 2]) == PANEL_COLOUR
    assert tuple(drawn[100, 400 + GAP + 75]) == (200, 0, 0)


def test_a_banner_is_fitted_into_twice_the_height() -> None:
    drawn = draw_match(plain(10, 1000), plain(100, 100), None, height=100)
    assert drawn.shape == (100, 200 + GAP + 100, 3)
    assert tuple(drawn[10, 100]) == PANEL_COLOUR
    assert tuple(drawn[50, 100]) == (40, 60, 160)


def test_lines_run_between_the_named_points() -> None:
    size = 200
    drawn = draw_match(plain(100, 100), plain(50, 50), np.array([[0.5, 0.25, 0.5, 0.75]]), height=size)
    marked = yellow(drawn)
    start, end = np.array([100, 50]), np.array([size + GAP + 100, 150])
    for part in (0.1, 0.3, 0.5, 0.7, 0.9):
        x, y = np.round(start + part * (end - start)).astype(int)
        assert marked[y - 1 : y + 2, x - 1 : x + 2].any(), part
    rows, columns = np.nonzero(marked)
    assert columns.min() >= 100 - 5
    assert columns.max() <= size + GAP + 100 + 5
    assert rows.min() >= 50 - 5
    assert rows.max() <= 150 + 5


def test_lines_follow_a_letterboxed_image() -> None:
    drawn = draw_match(plain(10, 1000), plain(100, 100), np.array([[0.5, 0.0, 0.5, 0.49]]), height=100)
    assert yellow(drawn)[47:52, 110:200].any()
    assert not yellow(drawn)[:40].any()


def test_a_frame_shows_where_the_reference_is() -> None:
    drawn = draw_match(plain(100, 100), plain(50, 50), None, (0.25, 0.5, 0.75, 1.0), height=200)
    framed = (drawn == BOX_COLOUR).all(axis=2)
    rows, columns = np.nonzero(framed)
    assert (rows.min(), rows.max()) == (100, 199)
    assert (columns.min(), columns.max()) == (50, 149)
    assert not framed[110:190, 60:140].any(), "a frame, not a filled box"
    assert not (drawn[:, 200 + GAP :] == BOX_COLOUR).all(axis=2).any(), "in the query alone"


def test_a_frame_follows_a_letterboxed_image() -> None:
    drawn = draw_match(plain(10, 1000), plain(100, 100), None, (0.5, 0.0, 1.0, 1.0), height=100)
    rows, columns = np.nonzero((drawn == BOX_COLOUR).all(axis=2))
    assert 48 <= rows.min() <= rows.max() <= 52
    assert (columns.min(), columns.max()) == (100, 199)


@pytest.mark.parametrize("box", [None, (0.0, 0.0, 1.0, 1.0)])
def test_no_frame_around_all_of_the_query(box: tuple[float, float, float, float] | None) -> None:
    images = plain(100, 100), plain(50, 50)
    np.testing.assert_array_equal(draw_match(*images, None, box), draw_match(*images, None))
    unread = draw_match(None, images[1], None, (0.1, 0.1, 0.5, 0.5))
    np.testing.assert_array_equal(unread, draw_match(None, images[1], None))


def test_many_lines_are_thinned_evenly() -> None:
    heights = np.linspace(0.01, 0.99, 3000)
    lines = np.stack([np.full(3000, 0.0), heights, np.full(3000, 1.0), heights], axis=1)
    drawn = draw_match(plain(100, 100), plain(100, 100), lines, height=1000)
    column = yellow(drawn)[:, 500].astype(int)
    drawn_lines = int((np.diff(np.r_[0, column]) == 1).sum())
    assert drawn_lines == MAX_LINES
    assert column.mean() < 0.25
    for quarter in np.array_split(column, 4):
        assert 13 <= (np.diff(np.r_[0, quarter]) == 1).sum() <= 17


def test_lines_outside_the_images_are_left_out() -> None:
    lines = np.array([[0.5, 0.5, 1.2, 0.5], [0.5, np.nan, 0.5, 0.5], [-0.1, 0.5, 0.5, 0.5]])
    assert not yellow(draw_match(plain(50, 50), plain(50, 50), lines)).any()
    assert not yellow(draw_match(plain(50, 50), plain(50, 50), np.empty((0, 4)))).any()


@pytest.mark.parametrize("missing", ["query", "reference", "both"])
def test_unreadable_image_is_a_gray_panel_with_text(missing: str) -> None:
    query = None if missing in ("query", "both") else plain(100, 100)
    reference = None if missing in ("reference", "both") else plain(100, 100)
    drawn = draw_match(query, reference, np.array([[0.1, 0.1, 0.9, 0.9]]), height=140)
    assert drawn.shape == (140, 280 + GAP, 3)
    assert not yellow(drawn).any()
    for panel, image in ((drawn[:, :140], query), (drawn[:, 140 + GAP :], reference)):
        assert ((panel > 215).all(axis=2).any()) == (image is None)  # white letters
        assert tuple(panel[5, 5]) == (PANEL_COLOUR if image is None else (40, 60, 160))


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(ValueError, match=r"lines have shape \(3, 2\), not \(m, 4\)"):
        draw_match(plain(9, 9), plain(9, 9), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="the query is float32"):
        draw_match(plain(9, 9).astype(np.float32), plain(9, 9), None)


def test_a_sliver_can_be_drawn() -> None:
    assert draw_match(plain(3000, 2), plain(2, 3000), np.array([[0.5, 0.5, 0.5, 0.5]])).shape[0] == 260
