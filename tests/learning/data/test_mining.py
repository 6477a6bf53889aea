"""Hard negatives against their definition by plain loops."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from imgfp.errors import InputError
from imgfp.learning.data.batch import HARD, UNEDITED, VIEW, Batch
from imgfp.learning.data.mining import HardNegativeTable


def unit_rows(seed: int, count: int, dim: int = 8) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def nearest_by_loops(rows: dict[int, np.ndarray], negatives: range, count: int) -> dict[int, list[int]]:
    return {
        number: sorted(
            (other for other in rows if other in negatives and other != number), key=lambda o: -row @ rows[o]
        )[:count]
        for number, row in rows.items()
    }


@pytest.mark.parametrize("negatives", [range(0, 30), range(20, 30)])
@pytest.mark.parametrize("hard", [1, 4, 29])
def test_equals_the_definition(negatives: range, hard: int) -> None:
    table, rows = HardNegativeTable(30, negatives, hard), unit_rows(0, 30)
    seen = [number for number in range(30) if number % 7]
    for part in np.array_split(np.random.default_rng(1).permutation(seen), 4):
        table.fill(part, rows[part], np.ones(len(part), bool))
    assert table.of(5) == ()  # nothing is known before the epoch ends
    table.end_epoch()
    expected = nearest_by_loops({number: rows[number] for number in seen}, negatives, hard)
    for number in range(30):
        assert table.of(number) == tuple(expected.get(number, []))


def test_unedited_rows_count_before_views_and_later_before_earlier() -> None:
    rows = unit_rows(2, 9)
    probe = HardNegativeTable(3, range(3), 2)
    for numbers, given, unedited in (
        ([0, 1, 1, 2], rows[[0, 1, 2, 3]], [False, False, False, True]),
        ([2, 0, 1], rows[[4, 5, 6]], [False, True, False]),
        ([0], rows[[7]], [False]),
    ):
        probe.fill(np.array(numbers), given, np.array(unedited))
    assert probe._descriptors is not None
    np.testing.assert_array_equal(probe._descriptors, rows[[5, 6, 3]])


def test_only_the_last_epoch_counts() -> None:
    table, rows = HardNegativeTable(6, range(6), 2), unit_rows(3, 6)
    everything = np.ones(6, bool)
    table.fill(np.arange(6), rows, everything)
    table.end_epoch()
    assert len(table.of(5)) == 2
    table.fill(np.arange(3), rows[:3], everything[:3])
    table.end_epoch()
    assert table.of(5) == ()
    assert set(table.of(0)) == {1, 2}
    table.end_epoch()  # nothing passed
    assert table.of(0) == ()


def test_rows_that_are_alike_never_name_themselves() -> None:
    table = HardNegativeTable(4, range(4), 3)
    table.fill(np.arange(4), np.repeat(unit_rows(4, 1), 4, axis=0), np.ones(4, bool))
    table.end_epoch()
    for number in range(4):
        assert set(table.of(number)) <= set(range(4)) - {number}
        assert len(table.of(number)) == 3


def test_resumes_from_a_checkpoint() -> None:
    table = HardNegativeTable(12, range(12), 3)
    table.fill(np.arange(12), unit_rows(5, 12), np.ones(12, bool))
    table.end_epoch()
    state = table.state_dict()
    assert state["nearest"].dtype == torch.int32
    other = HardNegativeTable(12, range(12), 3)
    other.load_state_dict(state)
    assert np.array_equal(other.nearest, table.nearest)
    other.end_epoch()
    assert np.array_equal(state["nearest"].numpy(), table.nearest)  # the checkpoint is no view of the table
    with pytest.raises(InputError, match=r"shape \(12, 3\), those of this training \(9, 3\): the photographs changed"):
        HardNegativeTable(9, range(9), 3).load_state_dict(state)


def test_a_training_collects_and_asks_for_hard_negatives(opened) -> None:
    training = opened(negatives=3, hard_negatives=2)
    rows = torch.from_numpy(unit_rows(6, 11))
    labels = torch.arange(11)
    batch = Batch(torch.zeros(11, 3, 32, 32), labels, torch.tensor([VIEW, UNEDITED, HARD, *[VIEW] * 8]), [])
    training.collect(batch, rows)
    training.end_epoch()
    expected = nearest_by_loops(dict(enumerate(rows.numpy())), range(11), 2)
    (first, *_) = training.train_dataloader()
    for place in range(4):
        start = place * 5
        assert first.kinds[start : start + 5].tolist() == [VIEW, VIEW, HARD, HARD, UNEDITED]
        assert first.labels[start + 2 : start + 4].tolist() == expected[int(first.labels[start])]
    resumed = opened(negatives=3, hard_negatives=2)
    resumed.load_state_dict(training.state_dict())
    (again, *_) = resumed.train_dataloader()
    assert torch.equal(again.pixels, first.pixels)


def test_without_hard_negatives_nothing_is_kept(opened) -> None:
    training = opened()
    training.collect(SimpleNamespace(), SimpleNamespace())
    training.end_epoch()
    assert training.state_dict() == {}
    training.load_state_dict({})
