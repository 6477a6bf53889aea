"""Settings proposed by Optuna (TPE), tried one after the other; a search that was stopped resumes with the same trials."""

import math
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


# what becomes of a trial
COMPLETE, PRUNED, FAILED = "complete", "pruned", "no result"
_STATES = {TrialState.COMPLETE: COMPLETE, TrialState.PRUNED: PRUNED, TrialState.FAIL: FAILED}
_ORDER = (COMPLETE, PRUNED, FAILED)
_STARTUP = 5  # trials that are never pruned: the median of fewer says little


@dataclass(frozen=True)
class Trial:
    """A proposal, counted from 0: the values by key, as texts that the command line takes."""

    number: int
    values: Mapping[str, str]

    def overrides(self) -> list[str]:
        """As `key=value`."""
        return [f"{key}={value}" for key, value in self.values.items()]


@dataclass(frozen=True)
class Result:
    """A finished trial. `uap`: of a pruned one the best until then; `epoch`: the last one that was reported, if any."""

    trial: Trial
    uap: float | None
    state: str
    epoch: int | None = None


def median_pruner(epochs: int) -> optuna.pruners.BasePruner:
    """Ends a trial whose best uAP so far is below the median of the complete trials at the same epoch.

    Not before five trials are complete, nor in the first quarter of the epochs: settings that start slowly may end well.
    Hyperband is not offered: its brackets follow from numbers in Optuna's store that depend on interruptions.
    """
    return optuna.pruners.MedianPruner(n_startup_trials=_STARTUP, n_warmup_steps=max(math.ceil(epochs / 4), 1))


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
        pruner: optuna.pruners.BasePruner | None = None,
    ) -> None:
        """Opens or starts a search; the same space and seed every time.

        Args:
            space: What may vary, by key.
            seed: Of the proposals.
            path: SQLite file, created when absent; None: in memory.
            first: The values of trial 0.
            pruner: Which trials `prunes` ends; None: none. A function of the results only.

        Raises:
            InputError: the file is damaged.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space, self._seed = dict(space), seed
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._storage = optuna.storages.get_storage(None if path is None else f"sqlite:///{path.resolve()}")
            self._study = optuna.create_study(
                storage=self._storage,
                study_name="search",
                direction="maximize",
                load_if_exists=True,
                pruner=pruner or optuna.pruners.NopPruner(),
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

    def report(self, trial: Trial, epoch: int, uap: float) -> None:
        """The uAP of the begun trial after an epoch; of one that was reported before an interruption the first stays."""
        running = self._running(trial)
        if epoch not in running.intermediate_values:
            self._storage.set_trial_intermediate_value(running._trial_id, epoch, uap)

    def prunes(self, trial: Trial) -> bool:
        """Whether the begun trial is to end, by what was reported so far."""
        return self._study.pruner.prune(self._study, self._running(trial))

    def tell(self, trial: Trial, uap: float | None, pruned: bool = False) -> None:
        """Finishes the trial that `next` gave; None where these settings cannot be used. `pruned`: what was reported stays."""
        number = self._running(trial).number
        if pruned:
            self._study.tell(number, state=TrialState.PRUNED)
        else:
            self._study.tell(number, uap, TrialState.FAIL if uap is None else None)

    @property
    def trials(self) -> list[Result]:
        """All finished trials in order."""
        return [self._result(number, each) for number, each in enumerate(self._finished())]

    @property
    def results(self) -> list[tuple[Trial, float | None]]:
        """All finished trials in order, and their uAP; None where there is none."""
        return [(each.trial, each.uap) for each in self.trials]

    @property
    def best(self) -> tuple[Trial, float] | None:
        """The first trial of the highest uAP; none that was pruned."""
        found = [(each.trial, each.uap) for each in self.trials if each.state == COMPLETE and each.uap is not None]
        return max(found, key=lambda item: (item[1], -item[0].number), default=None)

    def table(self) -> str:
        """All finished trials, best first: number, values, uAP, state; pruned ones after the complete."""
        order = sorted(self.trials, key=lambda each: (_ORDER.index(each.state), -(each.uap or 0.0), each.trial.number))
        rows = [["trial", *self._space, "uap", "state"]]
        for each in order:
            uap = "" if each.uap is None else f"{each.uap:.4f}"
            state = f"pruned after epoch {each.epoch}" if each.state == PRUNED else each.state
            rows.append([str(each.trial.number), *each.trial.values.values(), uap, state])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)

    def _running(self, trial: Trial) -> optuna.trial.FrozenTrial:
        (running,) = self._study.get_trials(states=(TrialState.RUNNING,))
        assert self._trial(trial.number, running.params) == trial, f"{trial} is not the one that was begun"
        return running

    def _result(self, number: int, found: optuna.trial.FrozenTrial) -> Result:
        reported, state = found.intermediate_values, _STATES[found.state]
        uap = max(reported.values(), default=None) if state == PRUNED else found.value
        return Result(self._trial(number, found.params), uap, state, max(reported, default=None))

    def _finished(self) -> list[optuna.trial.FrozenTrial]:
        """Without those that were killed while they were proposed."""
        trials = self._study.get_trials(deepcopy=False)
        return [each for each in trials if each.state.is_finished() and each.params.keys() == self._space.keys()]

    def _trial(self, number: int, params: Mapping[str, object]) -> Trial:
        return Trial(number, {key: value_text(each, params[key]) for key, each in self._space.items()})
