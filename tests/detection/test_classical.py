"""The finder by straight edges: finds what was pasted, says little where nothing was."""

import numpy as np
import pytest

from imgfp.detection import Box, Scenes, find_boxes, overlap


def photograph(seed: int, height: int, width: int) -> np.ndarray:
    """Soft blobs: edges, but no straight ones."""
    import cv2

    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, (height, width, 3)), (0, 0), 6)
    return np.clip(128 + 500 * noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [(300, 400), (900, 640)])
def test_a_pasted_image_is_found_first(size: tuple[int, int]) -> None:
    height, width = size
    image = photograph(0, height, width)
    box = Box(width // 4, height // 3, width // 4 + width // 2, height // 3 + height // 3)
    left, top, right, bottom = (int(value) for value in (box.left, box.top, box.right, box.bottom))
    image[top:bottom, left:right] = photograph(1, bottom - top, right - left)
    first = find_boxes(image)[0]
    assert overlap(first.box, box) > 0.9
    assert 0.5 < first.confidence <= 1


def test_a_page_around_an_image_is_cut_away() -> None:
    page = np.full((300, 400, 3), 240, np.uint8)
    page[60:240, 50:350] = photograph(2, 180, 300)
    assert overlap(find_boxes(page)[0].box, Box(50, 60, 350, 240)) > 0.95


def test_low_confidence_where_nothing_was_pasted() -> None:
    for seed in range(6):
        assert all(item.confidence < 0.65 for item in find_boxes(photograph(10 + seed, 240, 320)))
    assert find_boxes(np.full((100, 100, 3), 7, np.uint8)) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (7, 3), (3000, 9)])
def test_tiny_and_narrow_images(size: tuple[int, int]) -> None:
    for item in find_boxes(photograph(3, *size)):
        assert item.box.inside(size[1], size[0]) == item.box


def test_boxes_of_synthetic_scenes_are_within_them_and_apart() -> None:
    scenes = Scenes([photograph(seed, 200, 260) for seed in range(4)], 320)
    right = 0
    for seed in range(30):
        scene = scenes.make("on_photograph", np.random.default_rng(seed))
        found = find_boxes(scene.image)
        height, width = scene.image.shape[:2]
        assert all(item.box.inside(width, height) == item.box for item in found)
        assert all(overlap(a.box, b.box) <= 0.5 for i, a in enumerate(found) for b in found[:i])
        right += any(overlap(item.box, box) > 0.5 for item in found for box in scene.boxes)
    assert right >= 20
