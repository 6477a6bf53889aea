"""Chains of edits, and how they are drawn."""

import numpy as np
import pytest

from imgfp.edits import apply_edits, catalogue, edit_kind, random_edits
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


def test_no_edit_leaves_the_picture(edits, photo):
    edited = apply_edits(photo, (), edits, np.random.default_rng(0))
    assert np.array_equal(edited.image, photo)
    assert np.array_equal(edited.matrix, np.eye(3))


def test_unknown_edit_names_the_nearest(edits, photo):
    with pytest.raises(InputError, match="no edit is called 'rotat': did you mean 'rotate'"):
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
    with pytest.raises(InputError, match="2 to 99 edits cannot be drawn from"):
        random_edits(np.random.default_rng(0), edits, 2, 99)


def test_empty_pool_is_refused():
    with pytest.raises(InputError, match="pool of other photographs is empty"):
        catalogue([])


def test_catalogue_is_sorted(edits):
    assert list(edits) == sorted(edits)
