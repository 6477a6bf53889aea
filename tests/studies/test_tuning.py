"""What a search tries: trials that do not depend on when the search was stopped."""

from pathlib import Path

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from imgfp.errors import InputError
from imgfp.studies.tuning import Search, Trial, median_pruner, value_text

SPACE = {
    "loss": CategoricalDistribution(("contrastive", "triplet")),
    "loss.margin": FloatDistribution(0.5, 1.5),
    "optimizer.lr": FloatDistribution(1e-5, 1e-3, log=True),
    "pairs.hard_negatives": IntDistribution(0, 4),
}


def uap(trial: Trial) -> float | None:
    """Of a training that nobody ran: best at margin 1 with the triplet loss; lr above 8e-4 cannot be trained with."""
    if float(trial.values["optimizer.lr"]) > 8e-4:
        return None
    return 0.5 - (float(trial.values["loss.margin"]) - 1) ** 2 + 0.1 * (trial.values["loss"] == "triplet")


def test_values_are_rounded_and_stay_within() -> None:
    assert value_text(FloatDistribution(1e-5, 1e-3, log=True), 0.000123456) == "0.0001235"
    assert value_text(FloatDistribution(0.123449, 0.5), 0.123449) == "0.123449", "rounded it would lie below"
    assert value_text(FloatDistribution(0.1, 0.5, step=0.1), 0.1 * 3) == "0.3"
    assert value_text(IntDistribution(1, 9), 3) == "3"
    assert value_text(CategoricalDistribution(("a", "b")), "a") == "a"


def searched(path: Path, trials: int, seed: int = 3, stopped: bool = False) -> Search:
    """A search of some trials; `stopped`: killed before and after some of the proposals."""
    search = Search(SPACE, seed, path)
    for number in range(trials):
        if stopped and number in (0, 5, 11, 12):
            Search(SPACE, seed, path).next()
            search = Search(SPACE, seed, path)
        trial = search.next()
        assert trial == search.next(), "an unfinished trial is resumed"
        search.tell(trial, uap(trial))
    return search


def test_a_stopped_search_tries_the_same(tmp_path: Path) -> None:
    """Beyond ten trials, the proposals depend on the results before."""
    search = searched(tmp_path / "one" / "study.db", 13)
    stopped = searched(tmp_path / "other.db", 13, stopped=True)
    assert stopped.results == search.results
    assert stopped.best == search.best
    assert [trial.number for trial, _ in search.results] == list(range(13))
    for trial, value in search.results:
        assert value == uap(trial)
        assert 0.5 <= float(trial.values["loss.margin"]) <= 1.5
        assert trial.values["pairs.hard_negatives"] in "01234"
    assert search.best == max(
        ((trial, value) for trial, value in search.results if value is not None), key=lambda item: item[1]
    )
    assert searched(tmp_path / "seed.db", 1, seed=4).results != search.results[:1]


def test_a_trial_without_a_result_counts_and_is_never_the_best(tmp_path: Path) -> None:
    search = Search(SPACE, 0, tmp_path / "study.db")
    assert search.best is None
    first = search.next()
    search.tell(first, None)
    assert search.results == [(first, None)]
    assert search.best is None
    second = search.next()
    assert second.number == 1
    assert second.values != first.values
    search.tell(second, 0.25)
    assert search.best == (second, 0.25)
    assert first.overrides()[0] == f"loss={first.values['loss']}"


def test_a_proposal_that_was_cut_short_is_proposed_again(tmp_path: Path) -> None:
    """Killed between the trial's entry and its parameters."""
    wanted = Search(SPACE, 0, tmp_path / "whole.db").next()
    search = Search(SPACE, 0, tmp_path / "study.db")
    search._study.ask()
    assert search.next() == wanted


def test_one_line_error_for_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(InputError) as error:
        Search(SPACE, 0, path)
    assert str(error.value).startswith(f"{path}: cannot be read (")
    assert str(error.value).endswith("start the search afresh with resume=false")
    assert "\n" not in str(error.value)


def test_the_first_trial_may_be_given_and_in_memory_the_same_trials_follow(tmp_path: Path) -> None:
    first = {"loss": "triplet", "loss.margin": 1.0, "optimizer.lr": 1e-4, "pairs.hard_negatives": 2}
    results = []
    for path in (None, tmp_path / "study.db"):
        search = Search(SPACE, 0, path, first)
        for trial in search.proposals(4):
            search.tell(trial, uap(trial))
        results.append(search.results)
        assert search.results[0][0].values == {key: str(value) for key, value in first.items()}
        assert list(search.proposals(4)) == []
    assert results[0] == results[1]
    assert len({tuple(trial.values.items()) for trial, _ in results[0]}) == 4


EPOCHS = 4


def pruned_search(path: Path | None, stops: frozenset[tuple[int, int]] = frozenset()) -> Search:
    """16 trials of trainings that nobody ran; killed after these (trial, epoch)s, before what follows from their report."""

    def opened() -> Search:
        return Search(SPACE, 3, path, pruner=median_pruner(EPOCHS))

    search = opened()
    while len(search.trials) < 16:
        trial, reached = search.next(), uap(search.next())
        if reached is None:
            search.tell(trial, None)
            continue
        epoch = 0
        while epoch < EPOCHS and not search.prunes(trial):
            epoch += 1
            if epoch < EPOCHS:
                search.report(trial, epoch, reached * epoch / EPOCHS)
            if (trial.number, epoch) in stops:
                stops -= {(trial.number, epoch)}
                search, epoch = opened(), max(epoch - 1, 0)  # its last checkpoint is older
                assert search.next() == trial
        search.tell(trial, reached * epoch / EPOCHS, pruned=epoch < EPOCHS)
    return search


def test_pruning_does_not_depend_on_when_a_search_was_stopped(tmp_path: Path) -> None:
    whole = pruned_search(None)
    states = [each.state for each in whole.trials]
    assert states.count("pruned") >= 2
    assert "pruned" not in states[:5], "the median of a few says little"
    pruned = {(each.trial.number, each.epoch) for each in whole.trials if each.state == "pruned"}
    stopped = pruned_search(tmp_path / "stopped.db", frozenset({(0, 2), (3, 4), (9, 1), *pruned}))
    assert stopped.trials == whole.trials
    assert stopped.best == whole.best
    assert whole.best[0] in [each.trial for each in whole.trials if each.state == "complete"]
    for each in whole.trials:
        if each.state == "pruned":
            assert each.uap == pytest.approx(uap(each.trial) * each.epoch / EPOCHS), "its uAP until then is kept"
            assert each.epoch < EPOCHS
    assert whole.table() == stopped.table()


def test_the_table_has_the_best_first(tmp_path: Path) -> None:
    search = Search({"loss.margin": FloatDistribution(0.5, 1.5)}, 0)
    for number, value in enumerate((0.25, None, 0.75, 0.5)):
        trial = search.next()
        if number == 2:
            search.report(trial, 1, value)
        search.tell(trial, value, pruned=number == 2)
    margins = [trial.values["loss.margin"] for trial, _ in search.results]
    assert search.table().splitlines() == [
        "trial  loss.margin  uap     state",
        f"3      {margins[3]:11}  0.5000  complete",
        f"0      {margins[0]:11}  0.2500  complete",
        f"2      {margins[2]:11}  0.7500  pruned after epoch 1",
        f"1      {margins[1]:11}          no result",
    ]
    assert search.best == (search.results[3][0], 0.5), "a pruned trial is not over"
