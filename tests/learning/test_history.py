"""Which checkpoints are the best, and when a training stops."""

import pytest

from imgfp.learning.history import History


def history(*uap: float) -> History:
    made = History()
    for epoch, value in enumerate(uap):
        made.add(epoch, value)
    return made


def test_the_first_of_equals_is_the_best() -> None:
    assert history(0.1, 0.3, 0.2, 0.3).best_epoch == 1
    assert History().best_epoch is None


def test_the_best_and_the_last_are_kept() -> None:
    assert history(0.1, 0.4, 0.3, 0.4, 0.2).kept(2) == {1, 3, 4}
    assert history(0.1, 0.4, 0.3, 0.4, 0.2).kept(1) == {1, 4}


def test_an_epoch_validated_again_replaces_what_was_known() -> None:
    again = history(0.1, 0.2, 0.3)
    again.add(1, 0.5)
    assert again.as_plain() == {"epochs": [0, 1], "uap": [0.1, 0.5]}


@pytest.mark.parametrize(
    ("uap", "patience", "exhausted"),
    [
        ((0.1, 0.2, 0.2), 1, True),
        ((0.1, 0.2, 0.3), 1, False),
        ((0.3, 0.2, 0.1), 2, True),
        ((0.3, 0.2, 0.31), 2, False),
        ((0.3, 0.2), 2, False),
        ((0.3, 0.2, 0.1), 0, False),
    ],
)
def test_patience(uap: tuple[float, ...], patience: int, exhausted: bool) -> None:
    assert history(*uap).exhausted(patience) is exhausted


def test_it_survives_a_checkpoint() -> None:
    made = history(0.1, 0.4)
    assert History.from_plain(made.as_plain()) == made
