"""Chains of edits, and how they are drawn."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from imgfp.edits import apply_edits, augly_catalogue, catalogue, edit_kind, random_edits
from imgfp.errors import InputError


@pytest.fixture(scope="module")
def edits(pool):
    return catalogue(pool)


def test_chain_is_its_steps_one_after_the_other(edits, photo):
    names = ("crop", "invert", "rotate", "on_background")
    chained = apply_edits(photo, names, edits, np.random.default_rng(5))
    rng, image, matrix = np.random.default_rng(5), photo, np.eye(3)
    for name in names:
        step = edits[name](image, rng)
        image, matrix = step.image, step.matrix @ matrix
    assert np.array_equal(chained.image, image)
    assert np.allclose(chained.matrix, matrix)


def test_chain_of_turns_and_mirrors_maps_each_pixel_exactly(edits, photo):
    edited = apply_edits(photo, ("hflip", "rot90", "vflip", "pad"), edits, np.random.default_rng(2))
    for x, y in [(0, 0), (239, 0), (239, 179), (17, 101)]:
        column, row, _ = np.rint(edited.matrix @ [x, y, 1]).astype(int)
        assert np.array_equal(edited.image[row, column], photo[y, x])


def test_without_edits_the_image_is_unchanged(edits, photo):
    edited = apply_edits(photo, (), edits, np.random.default_rng(0))
    assert np.array_equal(edited.image, photo)
    assert np.array_equal(edited.matrix, np.eye(3))


@pytest.mark.parametrize("limit", [20000, 5000, 300])
def test_images_are_kept_below_the_limit_and_the_matrix_follows(edits, photo, limit):
    """A dot's place, found by editing with and without it, is where the matrix says, at any size."""
    seen = []
    for name in ("screenshot", "on_background", "rotate", "scale", "pad_square"):

        def watched(image, rng, edit=edits[name]):
            seen.append(image.shape[0] * image.shape[1])
            return edit(image, rng)

        chain = ("hflip", name, "invert")
        place, images = (70, 110), []
        for ink in (60, 240):
            picture = cv2.circle(np.full_like(photo, 60), place, 12, (ink,) * 3, -1)
            rng = np.random.default_rng(3)
            images.append(apply_edits(picture, chain, {**edits, name: watched}, rng, limit=limit))
        assert np.array_equal(images[0].matrix, images[1].matrix)
        height, width = images[0].image.shape[:2]
        assert height * width <= limit
        x, y, z = images[0].matrix @ [*place, 1]
        weight = np.abs(images[0].image.astype(float) - images[1].image).sum(axis=2)
        rows, columns = np.mgrid[:height, :width]
        near = np.maximum(abs(columns - x / z), abs(rows - y / z)) < 0.15 * width
        found = [(weight * near * axis).sum() / (weight * near).sum() for axis in (columns, rows)]
        assert np.abs(np.array(found) - [x / z, y / z]).max() < 0.25, name
    assert max(seen) <= limit


def test_a_generous_limit_changes_nothing(edits, photo):
    plain, held = (
        apply_edits(photo, ("crop", "noise"), edits, np.random.default_rng(0), limit) for limit in (None, 180 * 240)
    )
    assert np.array_equal(plain.image, held.image)
    assert np.array_equal(plain.matrix, held.matrix)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (3, 2000)])
@pytest.mark.parametrize("limit", [1, 2, 100])
def test_thin_images_are_kept_below_the_limit_too(shape, limit):
    edited = apply_edits(np.zeros((*shape, 3), dtype=np.uint8), (), {}, np.random.default_rng(0), limit)
    assert 1 <= edited.image.shape[0] * edited.image.shape[1] <= limit


def test_limit_of_no_pixel_is_refused(edits, photo):
    with pytest.raises(InputError, match="limit=0: must be >= 1 pixel"):
        apply_edits(photo, (), edits, np.random.default_rng(0), 0)


class _Lazy(Sequence):
    """Photographs that are made when they are asked for."""

    def __init__(self):
        self.asked = []

    def __len__(self):
        return 1000

    def __getitem__(self, place):
        self.asked.append(place)
        return np.full((20, 30, 3), place % 256, dtype=np.uint8)


def test_pool_is_asked_only_for_the_photographs_that_are_used(photo):
    pool = _Lazy()
    edits = catalogue(pool) | augly_catalogue(pool)
    assert pool.asked == []
    for name, edit in edits.items():
        pool.asked.clear()
        for seed in range(4):
            edit(photo, np.random.default_rng(seed))
        uses = name.removeprefix("augly_") in ("on_background", "photo_over") or name == "opacity"
        assert len(pool.asked) <= 4 * uses, name
        assert bool(pool.asked) == uses, name


def test_unknown_edit_names_the_nearest(edits, photo):
    with pytest.raises(InputError, match="unknown edit 'rotat': did you mean 'rotate'"):
        apply_edits(photo, ("rotat",), edits, np.random.default_rng(0))


def test_drawn_edits_are_seeded_of_different_kinds_and_crop_first(edits):
    names_seen, counts = set(), set()
    for seed in range(300):
        names = random_edits(np.random.default_rng(seed), edits, 1, 4)
        assert names == random_edits(np.random.default_rng(seed), edits, 1, 4)
        assert len({edit_kind(name) for name in names}) == len(names)
        assert "crop" not in names[1:]
        names_seen.update(names)
        counts.add(len(names))
    assert names_seen == set(edits)
    assert counts == {1, 2, 3, 4}


def test_an_augly_edit_is_of_the_kind_of_its_namesake():
    assert edit_kind("augly_screenshot") == edit_kind("screenshot") == edit_kind("meme")
    assert edit_kind("augly_emoji") == edit_kind("sticker")
    assert edit_kind("augly_text") == "text"


def test_impossible_draw_is_refused(edits):
    with pytest.raises(InputError, match="cannot draw 2 to 99 edits from"):
        random_edits(np.random.default_rng(0), edits, 2, 99)


def test_empty_pool_is_refused():
    with pytest.raises(InputError, match="the pool of photographs is empty"):
        catalogue([])


def test_catalogue_is_sorted(edits):
    assert list(edits) == sorted(edits)
