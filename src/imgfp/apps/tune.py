"""What train/tune.py does: trainings one after another, each with the settings that a search proposes."""

import itertools
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from imgfp.apps.config_check import dotted, nearest_key, one_line
from imgfp.apps.config_node import writable_node
from imgfp.apps.esvit import run_training
from imgfp.apps.hydra_app import experiment_choice
from imgfp.apps.recipe_config import recipe_of, register_recipe_groups
from imgfp.errors import LEFT_OUT, OK, InputError
from imgfp.files import hash_value
from imgfp.images import digest_of
from imgfp.learning.artifacts import Diverged
from imgfp.learning.data import open_training
from imgfp.learning.recipe import Recipe
from imgfp.learning.tuning import Choice, Dimension, Range, Search, SearchConfig, parse_space
from imgfp.learning.validation_set import judged_set
from imgfp.progress import announce
from imgfp.studies.training_run import RunFolder
from imgfp.tracking import Run, describe, open_store, parent_run

Compose = Callable[[list[str]], DictConfig]
_NOT_OF_TRAINING = ("search", "resume", "fail_fast", "show", "show_epoch")


def register_search_groups() -> None:
    """Those of a training, and `search`."""
    register_recipe_groups()
    node = writable_node(SearchConfig())
    OmegaConf.set_struct(node.space, False)  # its keys are the user's
    ConfigStore.instance().store(group="search", name="default", node=node)


def search_app(config: DictConfig) -> int:
    """Searches, or goes on, and prints the best settings as a command; exit code 3 where a trial has no result."""
    own = HydraConfig.get()
    given = list(own.overrides.task)
    found = run_search(
        config,
        experiment_choice("esvit"),
        given,
        lambda overrides: hydra.compose(own.job.config_name, overrides=overrides),
    )
    failed = sum(uap is None for _, uap in found.search.results)
    print(f"{len(found.search.results)} trials, {failed} of them without a result, in {found.folder}")
    if found.search.best is not None:
        trial, uap = found.search.best
        print(f"the best is trial {trial.number} with uap {uap:.4f}:\n  {found.command}")
    return LEFT_OUT if failed else OK


@dataclass(frozen=True)
class Found:
    """A search that has come to its end. `command`: trains with the best settings; empty where no trial has a result."""

    folder: Path
    search: Search
    command: str


def run_search(config: DictConfig, name: str, given: list[str], compose: Compose) -> Found:
    """Runs the trials that are missing; each is an MLflow child of the search's run.

    Args:
        config: As composed by Hydra, with `search`.
        name: Of the experiment.
        given: The overrides that it was composed with.
        compose: The configuration with these overrides in their place.

    Raises:
        InputError: whatever the user can mend; the same command goes on with what was begun.
    """
    recipe, root = recipe_of(config), Path(config.data.root)
    settings = OmegaConf.to_object(config.search)
    assert isinstance(settings, SearchConfig)
    texts = dict(settings.space) or {"optimizer.lr": f"log {recipe.optimizer.lr / 10:g} {recipe.optimizer.lr * 10:g}"}
    space = parse_space(texts)
    _check(recipe, space, given, compose)
    data = open_training(recipe.pairs, recipe.edits, root, recipe.seed, recipe.size_of_epoch)
    judged_set(recipe, root, data)  # what would stop every trial stops the search
    fingerprint = hash_value([recipe.fingerprint(), str(root.resolve()), texts, settings.seed])
    store = open_store(Path(config.paths.mlruns))
    folder = RunFolder.open(
        Path(config.paths.work) / f"search-{name}-{fingerprint[:8]}",
        digest_of(tuple(Path(photograph) for photograph in data.image_pool.photographs)),
        config.resume,
        store,
    )
    search = Search(folder.path / "study.db", space, settings.seed)
    parent = folder.mlflow_run(store) or parent_run(
        store, config.tracking.experiment, f"{folder.path} {time.time_ns()}", f"search of {name}"
    )
    folder.note(mlflow_run=parent, space=texts)
    while len(search.results) < settings.trials:
        trial = search.next()
        announce(f"trial {trial.number} of {settings.trials}: {' '.join(trial.overrides())}")
        try:
            figures = run_training(compose(_replaced(given, trial.values)), name, parent).figures
            search.tell(trial, float(figures.get("uap") or 0.0))
        except Diverged as error:
            announce(f"trial {trial.number} has no result: {error}")
            search.tell(trial, None)
        _log(Run(store, parent), search, given)
    print(f"in MLflow: {describe(store, config.tracking.experiment)}")
    return Found(folder.path, search, _command(given, search))


def _check(recipe: Recipe, space: Mapping[str, Dimension], given: list[str], compose: Compose) -> None:
    """Tries the corners of the space, so that no trial fails for its settings alone.

    Raises:
        InputError: a key that some choice does not know, a value that its part refuses, nothing to compare by.
    """
    if not recipe.validation.every_n_epochs:
        raise InputError("validation.every_n_epochs=0: a search compares trainings by their uAP: give 1 or more")
    if recipe.trainer.distributed:
        raise InputError("trainer.distributed=true: a search trains in one process: take trainer=cpu or trainer=gpu")
    choices = {key: item.values for key, item in space.items() if isinstance(item, Choice)}
    for chosen in itertools.product(*choices.values()):
        values = dict(zip(choices, chosen, strict=True))
        known = dotted(_composed(compose, _replaced(given, values)))
        for key in space:
            if key not in known or key.split(".")[0] in _NOT_OF_TRAINING:
                where = f" where {', '.join(f'{name}={value}' for name, value in values.items())}" if values else ""
                near = nearest_key(key, known)
                hint = f" (did you mean '{near}'?)" if near else ""
                raise InputError(f"search.space: '{key}' is no key of a training{where}{hint}")
        ranges = {key: item for key, item in space.items() if isinstance(item, Range)}
        for ends in (
            {key: item.text(item.low) for key, item in ranges.items()},
            {key: item.text(item.high) for key, item in ranges.items()},
        ):
            recipe_of(_composed(compose, _replaced(given, values | ends)))


def _composed(compose: Compose, overrides: list[str]) -> DictConfig:
    try:
        return compose(overrides)
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise InputError(f"search.space: {one_line(error)}") from None


def _replaced(given: list[str], values: Mapping[str, str]) -> list[str]:
    """The overrides with other values."""
    kept = [text for text in given if _key(text) not in values]
    return kept + [f"{key}={value}" for key, value in values.items()]


def _key(override: str) -> str:
    return override.lstrip("+~").split("=")[0]


def _command(given: list[str], search: Search) -> str:
    """The command that trains with the best settings: it finds the training that the search has done."""
    if search.best is None:
        return ""
    kept = [text for text in given if _key(text).split(".")[0] not in _NOT_OF_TRAINING]
    return shlex.join(["python", "train/esvit.py", *_replaced(kept, search.best[0].values)])


def _log(run: Run, search: Search, given: list[str]) -> None:
    """The search's own run shows how its best grew, and what it is."""
    if search.best is not None:
        trial, uap = search.best
        run.log_metrics({"uap": uap}, len(search.results) - 1)
        tags = {"trial": str(trial.number), "command": _command(given, search), **trial.values}
        for key, value in tags.items():
            run.store.client().set_tag(run.run_id, f"best.{key}", value)
