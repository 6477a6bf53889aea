"""A search over training settings: what may vary, and what each trial takes. Optuna proposes and is told what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imgfp.errors import InputError

if TYPE_CHECKING:
    import optuna

_FORMS = "'LOW HIGH', 'log LOW HIGH', 'int LOW HIGH' or 'a|b|c'"
_DIGITS = 4  # significant ones of a number that is tried


@dataclass(frozen=True)
class SearchConfig:
    """How long to search, and over what."""

    trials: int = 20
    seed: int = 0  # of the proposals; the trainings have their own
    space: dict[str, str] = field(
        default_factory=dict
    )  # by key; empty: optimizer.lr, a tenth to ten times the recipe's

    def __post_init__(self) -> None:
        for key, least in (("trials", 1), ("seed", 0)):
            if getattr(self, key) < least:
                raise InputError(f"search.{key}={getattr(self, key)}: give {least} or more")


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; `log`: each power of ten as often."""

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def text(self, value: float) -> str:
        """A value within, as it is tried: rounded, so that what is printed is exactly what was trained with."""
        if self.whole:
            return str(round(value))
        return repr(min(max(float(f"{value:.{_DIGITS}g}"), self.low), self.high))


@dataclass(frozen=True)
class Choice:
    """One of several texts."""

    values: tuple[str, ...]


Dimension = Range | Choice


def parse_space(space: Mapping[str, str]) -> dict[str, Dimension]:
    """What may vary, by configuration key, from texts such as "log 1e-5 1e-3" or "contrastive|triplet".

    Raises:
        InputError: a text of another form.
    """
    return {key: _dimension(key, text) for key, text in sorted(space.items())}


@dataclass(frozen=True)
class Trial:
    """One proposal, counted from 0: the values of the keys, as texts that the command line takes."""

    number: int
    values: Mapping[str, str]

    def overrides(self) -> list[str]:
        """As `key=value`."""
        return [f"{key}={value}" for key, value in self.values.items()]


class Search:
    """Trials and their uAP in a file of its own, which a search that was stopped goes on with.

    Trial n depends on the seed and on the results of the trials before it, not on when the search was stopped.
    """

    def __init__(self, path: Path, space: Mapping[str, Dimension], seed: int) -> None:
        """`path`: SQLite file, made when absent; the same space and seed every time.

        Raises:
            InputError: the file is damaged.
        """
        import optuna
        from sqlalchemy.exc import SQLAlchemyError

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space, self._seed = dict(space), seed
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            storage = optuna.storages.RDBStorage(f"sqlite:///{path.resolve()}")
            self._study = optuna.create_study(
                storage=storage, study_name="search", direction="maximize", load_if_exists=True
            )
        except SQLAlchemyError as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{path}: cannot be read ({reason}): start the search afresh with resume=false") from None

    def next(self) -> Trial:
        """The trial that was begun and not ended, else a new one; pass it to `tell`."""
        import optuna

        for begun in self._study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
            if begun.params.keys() == self._space.keys():
                return self._trial(len(self._ended()), begun.params)
            self._study.tell(begun.number, state=optuna.trial.TrialState.FAIL)  # killed while it was made: made anew
        number = len(self._ended())
        seed = int(np.random.SeedSequence([self._seed, number]).generate_state(1)[0])
        self._study.sampler = optuna.samplers.TPESampler(seed=seed)
        asked = self._study.ask({key: _distribution(dimension) for key, dimension in self._space.items()})
        return self._trial(number, asked.params)

    def tell(self, trial: Trial, uap: float | None) -> None:
        """Ends the trial that `next` gave; None where these settings cannot be trained with."""
        import optuna

        (running,) = self._study.get_trials(states=(optuna.trial.TrialState.RUNNING,))
        assert self._trial(trial.number, running.params) == trial, f"{trial} is not the one that was begun"
        self._study.tell(running.number, uap, optuna.trial.TrialState.FAIL if uap is None else None)

    @property
    def results(self) -> list[tuple[Trial, float | None]]:
        """All trials that have ended, in order, and their uAP; None where the training failed."""
        return [(self._trial(number, ended.params), ended.value) for number, ended in enumerate(self._ended())]

    @property
    def best(self) -> tuple[Trial, float] | None:
        """The first trial of the highest uAP."""
        found = [(trial, uap) for trial, uap in self.results if uap is not None]
        return max(found, key=lambda item: (item[1], -item[0].number), default=None)

    def _ended(self) -> list[optuna.trial.FrozenTrial]:
        """Those half made are not counted."""
        return [
            trial
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state.is_finished() and trial.params.keys() == self._space.keys()
        ]

    def _trial(self, number: int, params: Mapping[str, object]) -> Trial:
        return Trial(number, {key: _text(dimension, params[key]) for key, dimension in self._space.items()})


def _dimension(key: str, text: str) -> Dimension:
    if "|" in text:
        values = tuple(value.strip() for value in text.split("|"))
        if not all(values) or len(set(values)) < len(values):
            raise InputError(f"search.space: {key}={text!r}: give different values between the bars, such as 'a|b|c'")
        return Choice(values)
    *kinds, low, high = ["", "", *text.split()][-4:]
    try:
        limits = float(low), float(high)
    except ValueError:
        limits = np.nan, np.nan
    if not np.isfinite(limits).all() or len(text.split()) > 4 or set(kinds) - {"log", "int", ""}:
        raise InputError(f"search.space: {key}={text!r}: give {_FORMS}")
    found = Range(*limits, log="log" in kinds, whole="int" in kinds)
    if found.low >= found.high:
        raise InputError(f"search.space: {key}={text!r}: {low} is not below {high}: give the lower limit first")
    if found.log and found.low <= 0:
        raise InputError(f"search.space: {key}={text!r}: a logarithmic range begins above 0")
    if found.whole and (found.low % 1 or found.high % 1):
        raise InputError(f"search.space: {key}={text!r}: the limits of a range of whole numbers are whole")
    return found


def _distribution(dimension: Dimension) -> optuna.distributions.BaseDistribution:
    import optuna

    match dimension:
        case Choice(values):
            return optuna.distributions.CategoricalDistribution(values)
        case Range(low, high, log, whole=True):
            return optuna.distributions.IntDistribution(int(low), int(high), log=log)
        case Range(low, high, log):
            return optuna.distributions.FloatDistribution(low, high, log=log)


def _text(dimension: Dimension, value: object) -> str:
    if isinstance(dimension, Choice):
        return str(value)
    assert isinstance(value, int | float), f"{value!r} for {dimension}"
    return dimension.text(value)
