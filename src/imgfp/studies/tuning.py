"""Settings proposed by Optuna (TPE), tried one after the other; a search that was stopped resumes with the same trials."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import TrialState
from sqlalchemy.exc import SQLAlchemyError

from imgfp.errors import InputError

_DIGITS = 4  # significant ones of a number that is tried


@dataclass(frozen=True)
class Trial:
    """A proposal, counted from 0: the values by key, as texts that the command line takes."""

    number: int
    values: Mapping[str, str]

    def overrides(self) -> list[str]:
        """As `key=value`."""
        return [f"{key}={value}" for key, value in self.values.items()]


def value_text(distribution: BaseDistribution, value: object) -> str:
    """A value as it is tried: numbers are rounded, within their limits, so what is printed is exactly what was used."""
    if isinstance(distribution, FloatDistribution):
        assert isinstance(value, float)
        return repr(min(max(float(f"{value:.{_DIGITS}g}"), distribution.low), distribution.high))
    return str(value)


class Search:
    """Trials and their uAP. Trial n depends on the seed and the results before it, not on when the search was stopped."""

    def __init__(
        self,
        space: Mapping[str, BaseDistribution],
        seed: int,
        path: Path | None = None,
        first: Mapping[str, float] | None = None,
    ) -> None:
        """Opens or starts a search; the same space and seed every time.

        Args:
            space: What may vary, by key.
            seed: Of the proposals.
            path: SQLite file, created when absent; None: in memory.
            first: The values of trial 0.

        Raises:
            InputError: the file is damaged.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space, self._seed = dict(space), seed
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            storage = None if path is None else optuna.storages.RDBStorage(f"sqlite:///{path.resolve()}")
            self._study = optuna.create_study(
                storage=storage, study_name="search", direction="maximize", load_if_exists=True
            )
        except SQLAlchemyError as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{path}: cannot be read ({reason}): start the search afresh with resume=false") from None
        if first is not None and not self._study.trials:
            self._study.enqueue_trial(dict(first))

    def proposals(self, trials: int) -> Iterator[Trial]:
        """The trials that are missing to this number of trials; pass each to `tell` before the next."""
        while len(self._finished()) < trials:
            yield self.next()

    def next(self) -> Trial:
        """The trial that was begun and not finished, else a new one; pass it to `tell`."""
        for begun in self._study.get_trials(states=(TrialState.RUNNING,)):
            if begun.params.keys() == self._space.keys():
                return self._trial(len(self._finished()), begun.params)
            self._study.tell(begun.number, state=TrialState.FAIL)  # killed while it was proposed: proposed again
        number = len(self._finished())
        seed = int(np.random.SeedSequence([self._seed, number]).generate_state(1)[0])
        self._study.sampler = optuna.samplers.TPESampler(seed=seed)
        return self._trial(number, self._study.ask(self._space).params)

    def tell(self, trial: Trial, uap: float | None) -> None:
        """Finishes the trial that `next` gave; None where these settings cannot be used."""
        (running,) = self._study.get_trials(states=(TrialState.RUNNING,))
        assert self._trial(trial.number, running.params) == trial, f"{trial} is not the one that was begun"
        self._study.tell(running.number, uap, TrialState.FAIL if uap is None else None)

    @property
    def results(self) -> list[tuple[Trial, float | None]]:
        """All finished trials in order, and their uAP; None where there is none."""
        return [(self._trial(number, each.params), each.value) for number, each in enumerate(self._finished())]

    @property
    def best(self) -> tuple[Trial, float] | None:
        """The first trial of the highest uAP."""
        found = [(trial, uap) for trial, uap in self.results if uap is not None]
        return max(found, key=lambda item: (item[1], -item[0].number), default=None)

    def _finished(self) -> list[optuna.trial.FrozenTrial]:
        """Without those that were killed while they were proposed."""
        trials = self._study.get_trials(deepcopy=False)
        return [each for each in trials if each.state.is_finished() and each.params.keys() == self._space.keys()]

    def _trial(self, number: int, params: Mapping[str, object]) -> Trial:
        return Trial(number, {key: value_text(each, params[key]) for key, each in self._space.items()})
