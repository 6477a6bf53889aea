"""Boxes by hand: overlap, text form, and what is refused."""

import numpy as np
import pytest

from imgfp.detection.box import Box, around, from_yolo, overlap, to_yolo
from imgfp.edits.edit import translation
from imgfp.errors import InputError


def test_overlap_by_hand() -> None:
    assert overlap(Box(0, 0, 10, 10), Box(5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert overlap(Box(0, 0, 10, 10), Box(0, 0, 10, 10)) == 1
    assert overlap(Box(0, 0, 10, 10), Box(10, 0, 20, 10)) == 0
    assert overlap(Box(3, 3, 3, 3), Box(3, 3, 3, 3)) == 0


def test_text_and_back() -> None:
    boxes = (Box(0, 0, 320, 240, "overlay"), Box(10, 20, 11, 21, "collage_tile"))
    text = to_yolo(boxes, 320, 240)
    assert text.splitlines()[0] == "0 0.500000 0.500000 1.000000 1.000000"
    for found, box in zip(from_yolo(text, 320, 240, "x"), boxes, strict=True):
        assert found.label == box.label
        assert [found.left, found.top, found.right, found.bottom] == pytest.approx(
            [box.left, box.top, box.right, box.bottom], abs=1e-3
        )
    assert from_yolo("", 10, 10, "x") == ()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.2", "is not a box"),
        ("3 0.5 0.5 0.2 0.2", "is not a box"),
        ("-1 0.5 0.5 0.2 0.2", "is not a box"),
        ("a 0.5 0.5 0.2 0.2", "is not a box"),
        ("0 0.95 0.5 0.2 0.2", "is outside the image"),
        ("0 0.5 0.5 0 0.2", "is outside the image or empty"),
        ("0 nan 0.5 0.2 0.2", "is outside"),
    ],
)
def test_lines_that_are_not_a_box(line: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"^a\.txt, line 2: .*{message}"):
        from_yolo("0 0.5 0.5 0.2 0.2\n" + line, 100, 100, "a.txt")


def test_the_box_around_a_moved_image() -> None:
    assert around(translation(5, 7), 30, 20, "overlay") == Box(5, 7, 35, 27)
    quarter = np.array([[0.0, -1.0, 19.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    assert around(quarter, 30, 20, "overlay") == Box(0, 0, 20, 30)


def test_a_box_is_clipped_to_its_image() -> None:
    assert Box(-5, 3, 12, 40).inside(10, 20) == Box(0, 3, 10, 20)
    assert Box(4, 4, 2, 8).area == 0
