"""Which settings are tried: all combinations of lists, an even grid over ranges, random ones, or Optuna's."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from imgfp.errors import InputError
from imgfp.studies.merging.setting import Setting

GRID, RANDOM, TPE = "grid", "random", "tpe"
_DIGITS = 4  # significant ones of a weight that is tried
MOST = 100_000  # of more, the table and the evaluation would take too long


@dataclass(frozen=True)
class Axes:
    """What may vary.

    Attributes:
        base: The setting whose values hold for what does not vary.
        choices: Lists of values by branch, "calibration" or "normalisation".
        ranged: Branches whose weights come from a range, on a logarithmic scale.
        low, high: Of the range.
    """

    base: Setting
    choices: Mapping[str, Sequence[float | str | None]]
    ranged: tuple[str, ...] = field(default=())
    low: float = 0.1
    high: float = 10.0

    def combined(self) -> list[Setting]:
        """Every combination of the lists, the configured setting first; those in which all weights are 0 are left out.

        Raises:
            InputError: more than `MOST`.
        """
        return self._product(self.choices)

    def evenly(self, most: int) -> list[Setting]:
        """At most `most` combinations: the lists with as many values of each range, spaced evenly on the logarithmic scale."""
        lists = math.prod(len(values) for values in self.choices.values())
        each = _whole_root(most // lists, len(self.ranged)) if self.ranged else 0
        if self.ranged and each < 2:
            raise InputError(
                f"search.trials={most}: too few for a grid of {len(self.ranged)} weights and {lists} combinations of lists: "
                f"give at least {lists * 2 ** len(self.ranged)}"
            )
        spaced = [_rounded(value) for value in np.geomspace(self.low, self.high, each).tolist()] if each else []
        return self._product({**self.choices, **dict.fromkeys(self.ranged, spaced)})

    def randomly(self, count: int, seed: int) -> list[Setting]:
        """The configured setting, then random ones."""
        random, found = np.random.default_rng(seed), {self.base: None}
        for _ in range(20 * count):
            if len(found) >= count:
                break
            values = {key: items[int(random.integers(len(items)))] for key, items in self.choices.items()}
            logs = random.uniform(math.log(self.low), math.log(self.high), len(self.ranged)).tolist()
            values |= {branch: _rounded(math.exp(log)) for branch, log in zip(self.ranged, logs, strict=True)}
            if setting := self._setting(values):
                found[setting] = None
        return list(found)

    def by_optuna(self, count: int, seed: int, uap: Callable[[Setting], float]) -> Iterator[Setting]:
        """The configured setting, then those that Optuna's TPE proposes; `uap` evaluates one, before the next is proposed."""
        import optuna
        from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        space: dict[str, BaseDistribution] = {
            key: CategoricalDistribution(tuple(items)) for key, items in self.choices.items()
        }
        space |= {branch: FloatDistribution(self.low, self.high, log=True) for branch in self.ranged}
        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
        uap(self.base)
        yield self.base
        for _ in range(count - 1):
            trial = study.ask(space)
            values = {
                key: _rounded(value) if key in self.ranged else value for key, value in sorted(trial.params.items())
            }
            setting = self._setting(values)
            study.tell(trial, uap(setting) if setting else 0.0)
            if setting:
                yield setting

    def _product(self, choices: Mapping[str, Sequence[float | str | None]]) -> list[Setting]:
        if (count := math.prod(len(values) for values in choices.values())) > MOST:
            raise InputError(
                f"grid: {count:,} combinations, at most {MOST:,} are possible: give shorter lists, or search.method=random "
                "search.trials=N to try some of them"
            )
        every = (dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values()))
        found = [setting for values in every if (setting := self._setting(values))]
        return list(dict.fromkeys([self.base, *found]))

    def _setting(self, values: Mapping[str, object]) -> Setting | None:
        """The base with these values; None where all weights are 0."""
        weights = tuple((branch, float(values.get(branch, weight))) for branch, weight in self.base.weights)  # type: ignore[arg-type]
        if not any(weight for _, weight in weights):
            return None
        calibration = values.get("calibration", self.base.calibration)
        normalisation = values.get("normalisation", self.base.normalisation)
        return Setting(weights, None if calibration is None else str(calibration), str(normalisation))


def _rounded(value: float) -> float:
    """So that what is printed is exactly what was used."""
    return float(f"{value:.{_DIGITS}g}")


def _whole_root(number: int, degree: int) -> int:
    root = 1
    while (root + 1) ** degree <= number:
        root += 1
    return root
