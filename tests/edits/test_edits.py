"""Every named edit: seeded, valid, and its matrix says where the pixels are."""

import cv2
import numpy as np
import pytest

from imgfp.edits import Edited, augly_catalogue, catalogue

_NAMES = (*catalogue([np.zeros((2, 2, 3), dtype=np.uint8)]), *augly_catalogue())
_MOVING = (
    *("aspect", "crop", "hflip", "pad", "perspective", "rot90", "rotate", "scale", "vflip"),
    *("meme", "on_background", "screenshot"),
    *(name for name in augly_catalogue() if name == "augly_screenshot"),
)


@pytest.fixture(scope="module")
def edits(pool):
    return catalogue(pool) | augly_catalogue()


def _run(edit, image: np.ndarray, seed: int) -> Edited:
    return edit(image, np.random.default_rng(seed))


@pytest.mark.parametrize("name", _NAMES)
def test_same_seed_gives_the_same_picture_and_input_stays(edits, photo, name):
    before = photo.copy()
    np.random.seed(1)  # noqa: NPY002 - the edits must not listen to it
    first = _run(edits[name], photo, 7)
    np.random.seed(2)  # noqa: NPY002
    second = _run(edits[name], photo, 7)
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.matrix, second.matrix)
    assert np.array_equal(photo, before)


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("shape", [(180, 240), (61, 33)])
def test_picture_is_valid_and_changed(edits, photo, name, shape):
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
                assert name == "crop"
                continue
            weight = np.abs(edited.image.astype(float) - plain.image).sum(axis=2)
            rows, columns = np.mgrid[:height, :width]
            # a blurred border shows the dot once more, further away
            weight[np.maximum(abs(columns - expected[0]), abs(rows - expected[1])) > 20] = 0
            centre = [(weight * columns).sum() / weight.sum(), (weight * rows).sum() / weight.sum()]
            assert np.abs(centre - expected).max() < 0.1, (seed, x, y)
            seen += 1
    assert seen >= 6


@pytest.mark.parametrize("name", [name for name in _NAMES if name not in ("augly_filter", "invert")])
def test_source_warped_by_the_matrix_agrees_with_the_picture(edits, photo, name):
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
