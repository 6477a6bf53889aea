"""What a search tries: the space in words, and trials that do not depend on when the search was stopped."""

from pathlib import Path

import pytest

from imgfp.errors import InputError
from imgfp.learning.tuning import Choice, Range, Search, SearchConfig, Trial, parse_space

SPACE = parse_space(
    {
        "optimizer.lr": "log 1e-5 1e-3",
        "loss.margin": "0.5 1.5",
        "loss": "contrastive|triplet",
        "pairs.hard_negatives": "int 0 4",
    }
)


def uap(trial: Trial) -> float | None:
    """Of a training that nobody ran: best at margin 1 with the triplet loss; lr above 8e-4 cannot be trained with."""
    if float(trial.values["optimizer.lr"]) > 8e-4:
        return None
    return 0.5 - (float(trial.values["loss.margin"]) - 1) ** 2 + 0.1 * (trial.values["loss"] == "triplet")


def test_a_space_in_words() -> None:
    assert {
        "loss": Choice(("contrastive", "triplet")),
        "loss.margin": Range(0.5, 1.5),
        "optimizer.lr": Range(1e-5, 1e-3, log=True),
        "pairs.hard_negatives": Range(0, 4, whole=True),
    } == SPACE
    assert parse_space({"size": "log int 32 512"}) == {"size": Range(32, 512, log=True, whole=True)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "give 'LOW HIGH', 'log LOW HIGH', 'int LOW HIGH' or 'a|b|c'"),
        ("0.5", "give 'LOW HIGH'"),
        ("ln 1 2", "give 'LOW HIGH'"),
        ("log log log 1 2", "give 'LOW HIGH'"),
        ("1 nan", "give 'LOW HIGH'"),
        ("2 1", "2 is not below 1: give the lower limit first"),
        ("1 1", "1 is not below 1"),
        ("log 0 1", "a logarithmic range begins above 0"),
        ("int 0.5 3", "the limits of a range of whole numbers are whole"),
        ("a||b", "give different values between the bars"),
        ("a|b|a", "give different values between the bars"),
    ],
)
def test_a_space_that_means_nothing(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        parse_space({"loss.margin": text})
    assert str(error.value).startswith(f"search.space: loss.margin={text!r}: ")
    assert message in str(error.value)


def test_settings_of_a_search() -> None:
    with pytest.raises(InputError, match=r"^search\.trials=0: give 1 or more$"):
        SearchConfig(trials=0)
    with pytest.raises(InputError, match=r"^search\.seed=-1: give 0 or more$"):
        SearchConfig(seed=-1)


def test_values_are_rounded_and_stay_within() -> None:
    assert Range(1e-5, 1e-3, log=True).text(0.000123456) == "0.0001235"
    assert Range(0.123449, 0.5).text(0.123449) == "0.123449", "rounded it would lie below"
    assert Range(1, 9, whole=True).text(3) == "3"


def searched(path: Path, trials: int, seed: int = 3, stopped: bool = False) -> Search:
    """A search of some trials; `stopped`: killed before and after every proposal."""
    search = Search(path, SPACE, seed)
    for _ in range(trials):
        if stopped:
            Search(path, SPACE, seed).next()
            search = Search(path, SPACE, seed)
        trial = search.next()
        assert trial == search.next(), "one that was begun is gone on with"
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
    search = Search(tmp_path / "study.db", SPACE, 0)
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


def test_a_proposal_that_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    """Killed between the trial's entry and its parameters."""
    wanted = Search(tmp_path / "whole.db", SPACE, 0).next()
    search = Search(tmp_path / "study.db", SPACE, 0)
    search._study.ask()
    assert search.next() == wanted


def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(InputError) as error:
        Search(path, SPACE, 0)
    assert str(error.value).startswith(f"{path}: cannot be read (")
    assert str(error.value).endswith("start the search afresh with resume=false")
    assert "\n" not in str(error.value)
