"""One item: what it shows, what it is made from, and what becomes of a broken file."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgfp.edits import EditsConfig
from imgfp.errors import InputError
from imgfp.images import PhotographPool, read_resized
from imgfp.learning.data.batch import HARD, UNEDITED, VIEW, Item, collate
from imgfp.learning.data.sample_builder import Key, SampleBuilder


def builder_of(training, negatives: int | None = None) -> SampleBuilder:
    count = training.config.negatives if negatives is None else negatives
    return SampleBuilder(training.image_pool, training.plan, training.edits, count)


def same(one: Item, other: Item) -> bool:
    return len(one.views) == len(other.views) and all(
        np.array_equal(a.pixels, b.pixels) and (a.number, a.kind, a.edits) == (b.number, b.kind, b.edits)
        for a, b in zip(one.views, other.views, strict=True)
    )


@pytest.fixture
def broken(made: Path, tmp_path: Path) -> Path:
    """`made` with photographs T02 and T07, reference R3 and query Q2 broken."""
    root = tmp_path / "broken"
    shutil.copytree(made, root)
    for name in (
        "training_images/T02.jpg",
        "training_images/T07.jpg",
        "reference_images/R3.jpg",
        "query_images/Q2.jpg",
    ):
        (root / name).write_bytes(b"not an image")
    return root


def test_two_edited_views_then_unedited_others(opened) -> None:
    training = opened(negatives=5)
    item = builder_of(training).item(Key(0, 4, 32))
    assert [view.kind for view in item.views] == [VIEW, VIEW, *[UNEDITED] * 5]
    first, second, *others = item.views
    assert first.number == second.number == 4
    assert 1 <= len(first.edits) <= 3
    assert 1 <= len(second.edits) <= 3
    assert not np.array_equal(first.pixels, second.pixels)
    assert len({view.number for view in others}) == 5
    assert 4 not in {view.number for view in others}
    for view in others:
        assert view.edits == ()
        assert np.array_equal(view.pixels, read_resized(Path(training.image_pool.path(view.number)), 32))
    assert all(view.pixels.shape == (32, 32, 3) and view.pixels.dtype == np.uint8 for view in item.views)


def test_an_item_depends_on_its_key_alone(opened) -> None:
    first, second = (builder_of(opened(negatives=3)) for _ in range(2))
    keys = [Key(epoch, item, 32) for epoch in range(2) for item in range(11)]
    forward = [first.item(key) for key in keys]
    backward = [second.item(key) for key in reversed(keys)][::-1]
    assert all(same(one, other) for one, other in zip(forward, backward, strict=True))
    assert len({item.views[0].pixels.tobytes() for item in forward}) == len(keys)
    other_seed = builder_of(opened(negatives=3, seed=6)).item(keys[0])
    assert not same(other_seed, forward[0])


def test_size_and_hard_negatives_come_with_the_key(opened) -> None:
    builder = builder_of(opened(negatives=4))
    item = builder.item(Key(0, 4, 48, (9, 1)))
    assert [(view.number, view.kind) for view in item.views[2:4]] == [(9, HARD), (1, HARD)]
    assert [view.kind for view in item.views[4:]] == [UNEDITED, UNEDITED]
    assert len({view.number for view in item.views}) == 5
    assert item.views[0].pixels.shape == (48, 48, 3)
    plain = builder.item(Key(0, 4, 48))
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(plain.views[:2], item.views[:2], strict=True))


def test_as_many_negatives_as_there_are_others(opened) -> None:
    builder = builder_of(opened(negatives=10))
    for item in range(11):
        numbers = [view.number for view in builder.item(Key(0, item, 32, ((item + 1) % 11,))).views]
        assert sorted(numbers[1:]) == list(range(11))


def test_a_true_pair_is_the_query_and_its_reference(opened, truth: str) -> None:
    training = opened(ground_truth=truth, negatives=6)
    builder = builder_of(training)
    edited = 0
    for epoch in range(20):
        query, reference, *others = builder.item(Key(epoch, 0, 32)).views
        assert query.number == reference.number == 11 + 3
        assert np.array_equal(reference.pixels, read_resized(Path(training.image_pool.path(14)), 32))
        as_it_is = np.array_equal(query.pixels, read_resized(Path(training.image_pool.queries[0]), 32))
        assert as_it_is == (query.edits == ())
        edited += not as_it_is
        assert {view.number for view in others} == set(range(11, 18)) - {14}
    assert 4 <= edited <= 16  # about half
    made_pair = builder.item(Key(0, 3, 32)).views
    assert made_pair[0].number < 11 <= min(view.number for view in made_pair[2:])


def test_edits_of_the_policy(opened) -> None:
    weak = EditsConfig("weak", least=2, most=2)
    views = [view for item in range(11) for view in builder_of(opened(edits=weak), 0).item(Key(0, item, 32)).views]
    assert {len(view.edits) for view in views} == {2}
    assert not {"screenshot", "photo_over", "on_background"} & {name for view in views for name in view.edits}


def test_unreadable_photograph_is_reported(opened, broken: Path) -> None:
    training = opened(root=broken)
    item = builder_of(training, 0).item(Key(0, 2, 32))
    assert item.views == ()
    ((path, reason),) = item.failures
    assert path == str(broken / "training_images" / "T02.jpg")
    assert "not a readable image" in reason


def test_unreadable_negative_is_reported(opened, broken: Path) -> None:
    item = builder_of(opened(root=broken), 10).item(Key(0, 4, 32))
    assert {view.number for view in item.views} == set(range(11)) - {2, 7}
    assert {Path(path).stem for path, _ in item.failures} >= {"T02", "T07"}


@pytest.mark.parametrize(("item", "name"), [(0, "R3"), (1, "Q2")])
def test_half_a_true_pair_is_none(opened, broken: Path, item: int, name: str) -> None:
    made = builder_of(opened(root=broken, ground_truth=str(broken / "ground_truth.csv"))).item(Key(0, item, 32))
    assert made.views == ()
    assert name in {Path(path).stem for path, _ in made.failures}


def test_a_photograph_that_an_edit_fails_on_is_named_with_the_edit(opened, monkeypatch: pytest.MonkeyPatch) -> None:
    builder = builder_of(opened(edits=EditsConfig(least=1, most=1)), 0)

    def fails(*_: object) -> None:
        raise ValueError("too\nodd")

    monkeypatch.setattr(builder, "_catalogue", dict.fromkeys(builder._catalogue, fails))
    item = builder.item(Key(0, 0, 32))
    assert item.views == ()
    assert item.failures[0][1].startswith("cannot be edited by ")
    assert item.failures[0][1].endswith("(ValueError: too odd)")


def test_the_pool_skips_unreadable_photographs_and_the_edited_one(opened, broken: Path) -> None:
    pool = PhotographPool(opened(root=broken).image_pool.photographs)
    with Image.open(broken / "training_images" / "T03.jpg") as image:
        third = np.array(image)
    assert len(pool) == 11
    assert np.array_equal(pool[2], third)
    assert [Path(path).stem for path, _ in pool.failures] == ["T02"]
    pool.edited = 3
    assert not np.array_equal(pool[3], third)
    pool.edited = 10
    assert np.array_equal(pool[10], pool[0])
    assert [photo.shape for photo in pool[3:5]] == [(54, 70, 3)] * 2
    with pytest.raises(InputError, match=r"gone\.jpg and the photographs after it cannot be read"):
        PhotographPool(["gone.jpg", "lost.jpg"])[0]


def test_collate_keeps_rows_and_order(opened) -> None:
    builder = builder_of(opened())
    items = [builder.item(Key(0, item, 32)) for item in (3, 8)]
    batch = collate(items, 32)
    views = [view for item in items for view in item.views]
    assert batch.pixels.shape == (8, 3, 32, 32)
    assert batch.pixels.permute(0, 2, 3, 1).is_contiguous()
    for row, view in enumerate(views):
        assert np.array_equal(batch.pixels[row].permute(1, 2, 0).numpy(), view.pixels)
    assert batch.labels.tolist() == [view.number for view in views]
    assert batch.kinds.tolist() == [VIEW, VIEW, UNEDITED, UNEDITED] * 2


def test_a_batch_may_be_empty() -> None:
    batch = collate([Item((), (("a.jpg", "gone"),)), Item((), ())], 32)
    assert batch.pixels.shape == (0, 3, 32, 32)
    assert batch.labels.shape == batch.kinds.shape == (0,)
    assert batch.failures == [("a.jpg", "gone")]
