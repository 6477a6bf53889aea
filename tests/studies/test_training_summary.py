"""The end of a training: uap first, the untrained network beside it."""

from pathlib import Path

from imgfp.learning.artifacts import Trained
from imgfp.studies.training_summary import training_summary


def test_the_best_and_the_untrained_are_rows_of_one_table() -> None:
    figures = {"uap": 0.5, "recall_at_1": 0.75, "normalised/uap": 0.625, "recall_at_p90": 0.0, "threshold_at_p90": None}
    done = Trained(Path("run"), Path("best"), figures, 4, True, (), 3, {"uap": 0.25, "normalised/uap": 0.125})
    head, best, untrained, normalised, untrained_normalised, last = training_summary(done).splitlines()
    assert head.split() == ["uap", "recall_at_1", "recall_at_10", "recall_at_p90", "threshold_at_p90"]
    assert best.split() == ["epoch", "3", "0.5000", "0.7500", "-", "0.0000", "-"]
    assert untrained.split() == ["untrained", "0.2500", "-", "-", "-", "-"]
    assert normalised.split() == ["epoch", "3,", "normalised", "0.6250", "-", "-", "-", "-"]
    assert untrained_normalised.split()[:3] == ["untrained,", "normalised", "0.1250"]
    assert last == "best of 4 epochs (stopped early): epoch 3"


def test_it_says_where_training_did_not_help() -> None:
    done = Trained(Path("run"), Path("best"), {"uap": 0.25}, 1, False, (), 1, {"uap": 0.5})
    assert (
        training_summary(done)
        .splitlines()[-1]
        .startswith("no epoch is better than the untrained network: uap 0.2500, untrained 0.5000: ")
    )
    assert training_summary(Trained(Path("run"), None, {}, 2, False, ())) == "2 epochs, without validation"
