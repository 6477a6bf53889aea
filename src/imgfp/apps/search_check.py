"""What a search over training settings would try: checked before it starts, without what a training needs."""

import itertools
from collections.abc import Callable, Mapping

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from imgfp.apps.config_check import dotted, nearest_key, one_line
from imgfp.apps.recipe_config import recipe_of
from imgfp.apps.search_space import SearchConfig, parse_space
from imgfp.apps.sweep_plan import key_of
from imgfp.errors import InputError
from imgfp.learning.recipe import Recipe
from imgfp.studies.tuning import value_text

Compose = Callable[[list[str]], DictConfig]
NOT_TRAINING = ("search", "resume", "fail_fast", "show", "show_epoch")


def check_space(config: DictConfig, given: list[str]) -> None:
    """Refuses a search that would fail, before it starts; called while Hydra composes `config` from `given`."""
    recipe = recipe_of(config)
    _, _, space = search_space_of(config, recipe)
    check_corners(recipe, space, given, lambda overrides: hydra.compose("tune", overrides=overrides))


def search_space_of(
    config: DictConfig, recipe: Recipe
) -> tuple[SearchConfig, dict[str, str], dict[str, BaseDistribution]]:
    """The settings of the search, and what it searches: as texts and as distributions."""
    settings = OmegaConf.to_object(config.search)
    assert isinstance(settings, SearchConfig)
    rate = recipe.optimizer.lr
    texts = dict(settings.space) or {"optimizer.lr": f"tag(log, interval({rate / 10:g}, {rate * 10:g}))"}
    return settings, texts, parse_space(texts)


def check_corners(recipe: Recipe, space: Mapping[str, BaseDistribution], given: list[str], compose: Compose) -> None:
    """Composes the corners of the space, so that no trial fails just because of its settings.

    Raises:
        InputError: a key that does not exist with some choice, an invalid value, no validation to compare by.
    """
    if not recipe.validation.every_n_epochs:
        raise InputError("validation.every_n_epochs=0: a search compares trainings by their uAP: must be >= 1")
    if recipe.trainer.distributed:
        raise InputError("trainer.distributed=true: a search trains in one process: use trainer=cpu or trainer=gpu")
    if recipe.trainer.devices != 1:
        raise InputError(f"trainer.devices={recipe.trainer.devices}: a search trains in one process: leave it at 1")
    choices = {key: item.choices for key, item in space.items() if isinstance(item, CategoricalDistribution)}
    ranges = {key: item for key, item in space.items() if isinstance(item, IntDistribution | FloatDistribution)}
    ends = [
        {key: value_text(item, item.low) for key, item in ranges.items()},
        {key: value_text(item, item.high) for key, item in ranges.items()},
    ]
    for chosen in itertools.product(*choices.values()):
        values = {key: str(value) for key, value in zip(choices, chosen, strict=True)}
        known = dotted(_composed(compose, replaced(given, values)))
        for key in space:
            if key not in known or key.split(".")[0] in NOT_TRAINING:
                where = f" where {', '.join(f'{name}={value}' for name, value in values.items())}" if values else ""
                near = nearest_key(key, known)
                hint = f" (did you mean '{near}'?)" if near else ""
                raise InputError(f"search.space: unknown config key '{key}'{where}{hint}")
        for corner in ends:
            recipe_of(_composed(compose, replaced(given, values | corner)))


def _composed(compose: Compose, overrides: list[str]) -> DictConfig:
    try:
        return compose(overrides)
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise InputError(f"search.space: {one_line(error)}") from None


def replaced(given: list[str], values: Mapping[str, str]) -> list[str]:
    """The overrides with other values."""
    kept = [text for text in given if key_of(text) not in values]
    return kept + [f"{key}={value}" for key, value in values.items()]
