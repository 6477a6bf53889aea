"""What a search over training settings may try, in Hydra's override grammar, as its Optuna plugin takes it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Quote, QuotedString, RangeSweep
from hydra.errors import HydraException
from omegaconf import OmegaConf

from imgfp.apps.config_check import one_line
from imgfp.apps.config_node import writable_node
from imgfp.apps.recipe_config import register_recipe_groups
from imgfp.errors import InputError

if TYPE_CHECKING:  # Optuna takes half a second to import
    from optuna.distributions import BaseDistribution

_FORMS = (
    "'choice(a, b)', 'interval(LOW, HIGH)', 'tag(log, interval(LOW, HIGH))', 'int(interval(LOW, HIGH))' "
    "or 'range(START, STOP, STEP)'"
)


@dataclass(frozen=True)
class SearchConfig:
    """How long to search, and over what."""

    trials: int = 20
    seed: int = 0  # of the proposals; a training has its own
    pruner: str = (
        "median"  # ends trials that are worse than most others at the same epoch; none: every trial is trained
    )
    # by key; empty: optimizer.lr, a tenth to ten times the recipe's
    space: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, least in (("trials", 1), ("seed", 0)):
            if getattr(self, key) < least:
                raise InputError(f"search.{key}={getattr(self, key)}: must be >= {least}")
        if self.pruner not in ("median", "none"):
            raise InputError(f"search.pruner={self.pruner}: must be one of median, none")


def register_search_groups() -> None:
    """The config groups of a training, and `search`."""
    register_recipe_groups()
    node = writable_node(SearchConfig())
    OmegaConf.set_struct(node.space, False)  # its keys are free
    ConfigStore.instance().store(group="search", name="default", node=node)


def collect_space(arguments: Sequence[str]) -> list[str]:
    """The command line with its ranges (`optimizer.lr=interval(1e-5, 1e-3)`) moved into `search.space`.

    Hydra takes ranges for a sweep (-m) only: such a command line, or one with other flags, is left as it is.
    """
    if any(argument.startswith("-") for argument in arguments):
        return list(arguments)
    kept, ranges = [], []
    for argument in arguments:
        try:
            override = OverridesParser.create().parse_override(argument)
        except HydraException:  # reported with all else that is wrong with the command line
            kept.append(argument)
            continue
        if override.is_sweep_override():
            text = QuotedString(override.get_value_string(), Quote.double).with_quotes()
            ranges.append(f"{override.key_or_group}: {text}")
        else:
            kept.append(argument)
    return kept + ([f"search.space={{{', '.join(ranges)}}}"] if ranges else [])


def parse_space(space: Mapping[str, str]) -> "dict[str, BaseDistribution]":
    """The distributions by configuration key, from texts such as "tag(log, interval(1e-5, 1e-3))" or "choice(a, b)".

    Raises:
        InputError: malformed text, or limits that mean nothing.
    """
    return {key: _distribution(key, text) for key, text in sorted(space.items())}


def _distribution(key: str, text: str) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution

    try:
        override = OverridesParser.create().parse_override(f"{key}={text}")
        sweep = override.value()
        log = getattr(sweep, "tags", None) == {"log"}
        if getattr(sweep, "shuffle", False) or (getattr(sweep, "tags", None) and not log):
            raise ValueError("neither shuffled nor tagged, except by 'log'")
        if isinstance(sweep, IntervalSweep):
            if sweep.start is None or sweep.end is None or not math.isfinite(sweep.start + sweep.end):
                raise ValueError("the limits must be finite")
            return _numbers(sweep.start, sweep.end, log=log)
        if isinstance(sweep, RangeSweep) and not log:
            values = sorted(value for value in override.sweep_iterator() if isinstance(value, int | float))
            if not values:
                raise ValueError("the range is empty")
            return _numbers(values[0], values[-1], step=abs(sweep.step))
        if isinstance(sweep, ChoiceSweep) and not log:
            return CategoricalDistribution(tuple(override.sweep_string_iterator()))
        raise ValueError("not a range")
    except (HydraException, ValueError) as error:
        raise InputError(f"search.space: {key}={text!r}: {one_line(error)}: give {_FORMS}") from None


def _numbers(low: float, high: float, **more: Any) -> "BaseDistribution":
    from optuna.distributions import FloatDistribution, IntDistribution

    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, **more)
    return FloatDistribution(low, high, **more)
