"""Every named edit: seeded, valid, and its matrix says where the pixels are."""

import random

import cv2
import numpy as np
import pytest

from imgfp.edits import Edited, augly_catalogue, catalogue

_BLACK = [np.zeros((2, 2, 3), dtype=np.uint8)]
_AUGLY = tuple(augly_catalogue(_BLACK))
_NAMES = (*catalogue(_BLACK), *_AUGLY)
_OWN_MOVING = (
    *("aspect", "crop", "hflip", "pad", "pad_square", "perspective", "rot90", "rotate", "scale", "skew", "vflip"),
    *("meme", "on_background", "screenshot"),
)
_MOVING = (*_OWN_MOVING, *(name for name in _AUGLY if name.removeprefix("augly_") in _OWN_MOVING))
# dark becomes light, or only edges stay, or dots stand for grays
_ANOTHER_LOOK = ("augly_filter", "augly_palette", "filter", "invert", "shuffle_pixels")


@pytest.fixture(scope="module")
def edits(pool):
    return catalogue(pool) | augly_catalogue(pool)


def _run(edit, image: np.ndarray, seed: int) -> Edited:
    return edit(image, np.random.default_rng(seed))


@pytest.mark.parametrize("name", _NAMES)
def test_same_seed_gives_the_same_image_and_input_stays(edits, photo, name):
    before = photo.copy()
    np.random.seed(1)  # noqa: NPY002 - the edits must not listen to it
    random.seed(1)
    first = _run(edits[name], photo, 7)
    np.random.seed(2)  # noqa: NPY002
    random.seed(2)
    second = _run(edits[name], photo, 7)
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.matrix, second.matrix)
    assert np.array_equal(photo, before)


@pytest.mark.parametrize("name", _NAMES)
def test_global_random_state_stays(edits, photo, name):
    before = random.getstate(), np.random.get_state()[1:]  # noqa: NPY002
    for seed in range(6):
        _run(edits[name], photo, seed)
    after = random.getstate(), np.random.get_state()[1:]  # noqa: NPY002
    assert after[0] == before[0]
    assert np.array_equal(after[1][0], before[1][0])
    assert after[1][1:] == before[1][1:]


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (2, 3)])
def test_thin_images_survive_on_a_canvas_of_sane_size(edits, name, shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for seed in range(6):
        edited = _run(edits[name], image, seed)
        assert edited.image.dtype == np.uint8
        assert edited.image.shape[2:] == (3,)
        assert 0 < edited.image.size <= 1.1 * 3 * 512 * 512
        assert np.isfinite(edited.matrix).all()
        assert np.linalg.matrix_rank(edited.matrix, tol=1e-9) == 3


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("shape", [(180, 240), (61, 33)])
def test_image_is_valid_and_changed(edits, photo, name, shape):
    image = np.ascontiguousarray(photo[: shape[0], : shape[1]])
    for seed in range(6):
        edited = _run(edits[name], image, seed)
        assert edited.image.dtype == np.uint8
        assert edited.image.ndim == 3
        assert edited.image.shape[2] == 3
        assert min(edited.image.shape[:2]) > 0
        assert edited.image.flags.c_contiguous
        assert edited.image.flags.writeable
        assert edited.matrix.shape == (3, 3)
        assert edited.matrix.dtype == np.float64
        assert edited.image.shape != image.shape or not np.array_equal(edited.image, image)
        if name not in _MOVING:
            assert edited.image.shape == image.shape
            assert np.array_equal(edited.matrix, np.eye(3))
        elif name not in ("meme", "pad_square"):  # a bar below an image, borders right of one pixel: nothing moves
            assert not np.array_equal(edited.matrix, np.eye(3))


@pytest.mark.parametrize("name", _MOVING)
def test_matrix_leads_to_a_painted_dot(edits, photo, name):
    """The same edit with and without a dot differs around the place that the matrix names, to a tenth of a pixel."""
    seen = 0
    for seed in range(6):
        for x, y in [(120, 90), (60, 50), (175, 130)]:
            dotted = cv2.circle(np.full_like(photo, 60), (x, y), 6, (240, 240, 240), -1)
            edited, plain = (_run(edits[name], picture, seed) for picture in (dotted, np.full_like(photo, 60)))
            projected = edited.matrix @ [x, y, 1.0]
            expected = projected[:2] / projected[2]
            height, width = edited.image.shape[:2]
            if not (20 < expected[0] < width - 21 and 20 < expected[1] < height - 21):
                assert name in ("crop", "augly_crop", "augly_rotate")
                continue
            weight = np.abs(edited.image.astype(float) - plain.image).sum(axis=2)
            rows, columns = np.mgrid[:height, :width]
            # a blurred border shows the dot once more, further away
            weight[np.maximum(abs(columns - expected[0]), abs(rows - expected[1])) > 20] = 0
            centre = [(weight * columns).sum() / weight.sum(), (weight * rows).sum() / weight.sum()]
            tolerance = 0.2 if name == "augly_rotate" else 0.1  # AugLy turns to the nearest pixel
            assert np.abs(centre - expected).max() < tolerance, (seed, x, y)
            seen += 1
    assert seen >= 6


def test_shuffled_pixels_are_the_same_pixels_most_of_them_in_place(edits, photo):
    for seed in range(6):
        edited = _run(edits["shuffle_pixels"], photo, seed).image
        before, after = (image.reshape(-1, 3) for image in (photo, edited))
        assert np.array_equal(np.unique(before, axis=0), np.unique(after, axis=0))
        assert 0.65 < (before == after).all(axis=1).mean() < 0.96


def test_noise_is_as_strong_as_it_says_and_level_by_level_even(edits):
    gray = np.full((200, 200, 3), 128, dtype=np.uint8)
    strengths = [_run(edits["noise"], gray, seed).image.std() for seed in range(30)]
    assert 11 < min(strengths) < 18
    assert 29 < max(strengths) < 36
    assert abs(_run(edits["noise"], gray, 0).image.mean() - 128) < 0.5


def test_few_colours_are_few(edits, photo):
    for seed in range(6):
        assert len(np.unique(_run(edits["palette"], photo, seed).image.reshape(-1, 3), axis=0)) <= 216
        assert len(np.unique(_run(edits["posterize"], photo, seed).image)) <= 8


def test_jittered_colours_keep_gray_gray(edits):
    gray = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    for seed in range(6):
        channels = _run(edits["colour_jitter"], gray, seed).image.astype(int)
        assert np.ptp(channels, axis=2).max() <= 1


def test_square_is_square_with_the_whole_image(edits, photo):
    edited = _run(edits["pad_square"], photo, 0)
    assert edited.image.shape == (240, 240, 3)
    assert np.array_equal(edited.image[30:210], photo)


def test_edit_in_a_part_leaves_the_rest(edits, photo):
    for seed in range(6):
        changed = (_run(edits["masked"], photo, seed).image != photo).any(axis=2)
        assert 0.05 < changed.mean() < 0.85


@pytest.mark.parametrize("name", [name for name in _NAMES if name not in _ANOTHER_LOOK])
def test_source_warped_by_the_matrix_agrees_with_the_image(edits, photo, name):
    for seed in range(6):
        edited = _run(edits[name], photo, seed)
        assert _correlation(photo, edited, edited.matrix) > 0.6
        if name in _MOVING:  # and agrees less well three pixels away
            shifted = edited.matrix.copy()
            shifted[:2] += 3 * shifted[2]
            assert _correlation(photo, edited, shifted) < _correlation(photo, edited, edited.matrix) - 0.02


def _correlation(source: np.ndarray, edited: Edited, matrix: np.ndarray) -> float:
    size = edited.image.shape[1], edited.image.shape[0]
    warped = cv2.warpPerspective(source, matrix, size)
    inside = cv2.warpPerspective(np.full(source.shape[:2], 255, np.uint8), matrix, size) == 255
    # upper quartile over tiles: text, stripes or a pasted photograph hide some of them
    values = []
    gray_a, gray_b = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(float) for image in (warped, edited.image))
    for top in range(0, size[1], 24):
        for left in range(0, size[0], 24):
            tile = np.s_[top : top + 24, left : left + 24]
            if inside[tile].mean() > 0.9 and gray_b[tile].std() > 0:
                values.append(np.corrcoef(gray_a[tile].ravel(), gray_b[tile].ravel())[0, 1])
    return float(np.quantile(values, 0.75))
