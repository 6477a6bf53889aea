"""Which boxes are cut out: imgFp's rules at their limits, ours, and whole pixels."""

import numpy as np
import pytest

from imgfp.detection import CROPS, Box, Detection, choose_boxes, crop_rules, cut
from imgfp.detection.finders import ClassicalFinder
from imgfp.errors import InputError


def chosen(name: str, *found: Detection) -> list[Detection]:
    return choose_boxes(found, 100, 100, CROPS[name])


def test_the_most_confident_box_that_is_not_rejected() -> None:
    sure, surer = Detection(Box(0, 0, 50, 50), 0.6), Detection(Box(10, 10, 40, 40), 0.7)
    assert chosen("local", sure, surer) == [surer]
    large = Detection(Box(0, 0, 100, 86), 0.9)
    assert chosen("local", sure, large) == [sure]
    assert chosen("local", Detection(Box(0, 0, 100, 85), 0.9)) == [Detection(Box(0, 0, 100, 85), 0.9)], (
        "0.85 is not above"
    )


@pytest.mark.parametrize(("name", "least"), [("global", 0.55), ("local", 0.5)])
def test_a_box_must_exceed_the_confidence_limit(name: str, least: float) -> None:
    assert chosen(name, Detection(Box(0, 0, 50, 50), least)) == []
    assert len(chosen(name, Detection(Box(0, 0, 50, 50), least + 1e-6))) == 1


def test_sides_from_one_to_four() -> None:
    assert len(chosen("local", Detection(Box(0, 0, 80, 20), 0.9))) == 1
    assert chosen("local", Detection(Box(0, 0, 81, 20), 0.9)) == []
    assert len(chosen("local", Detection(Box(0, 0, 20, 80), 0.9))) == 1
    assert chosen("local", Detection(Box(0, 0, 20, 81), 0.9)) == []


def test_several_boxes_apart() -> None:
    boxes = [Detection(Box(20 * n, 0, 20 * n + 18, 30), 0.9 - n / 100) for n in range(4)]
    again = Detection(Box(0, 0, 18, 31), 0.8)
    assert chosen("default", again, *boxes) == boxes[:3]


def test_boxes_beyond_the_image_or_without_a_pixel() -> None:
    assert chosen("local", Detection(Box(-20, 10, 30, 40), 0.9)) == [Detection(Box(0, 10, 30, 40), 0.9)]
    assert chosen("local", Detection(Box(5, 5, 5.5, 50), 0.9), Detection(Box(200, 200, 250, 250), 0.9)) == []
    assert chosen("local") == []


def test_cuts_are_whole_pixels() -> None:
    image = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)
    assert np.array_equal(cut(image, Box(2.9, 3.9, 10.9, 9.9)), image[3:9, 2:10])
    assert np.array_equal(cut(image, Box(10, 10, 20, 20), 0.1), image[9:20, 9:21])
    assert cut(image, Box(29.5, 19.5, 30, 20)).shape == (1, 1, 3)


def test_unknown_rules() -> None:
    with pytest.raises(InputError, match=r"^unknown crop rules 'best': must be one of global, local, default$"):
        crop_rules("best", ClassicalFinder())
