"""What train/tune.py does: trainings one after the other, each with the settings that a search proposes."""

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
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from imgfp.apps.config_check import dotted, nearest_key, one_line
from imgfp.apps.config_node import writable_node
from imgfp.apps.esvit import run_training
from imgfp.apps.hydra_app import experiment_choice
from imgfp.apps.recipe_config import recipe_of, register_recipe_groups
from imgfp.apps.search_space import SearchConfig, parse_space
from imgfp.errors import LEFT_OUT, OK, InputError
from imgfp.files import hash_value
from imgfp.images import digest_of
from imgfp.learning.artifacts import Diverged
from imgfp.learning.data import open_training
from imgfp.learning.recipe import Recipe
from imgfp.learning.validation_set import judged_set
from imgfp.progress import announce
from imgfp.studies.folder_lock import folder_lock
from imgfp.studies.training_run import RunFolder
from imgfp.studies.tuning import Search, value_text
from imgfp.tracking import Run, describe, open_store, parent_run

Compose = Callable[[list[str]], DictConfig]
_NOT_TRAINING = ("search", "resume", "fail_fast", "show", "show_epoch")


def register_search_groups() -> None:
    """The config groups of a training, and `search`."""
    register_recipe_groups()
    node = writable_node(SearchConfig())
    OmegaConf.set_struct(node.space, False)  # its keys are free
    ConfigStore.instance().store(group="search", name="default", node=node)


def search_app(config: DictConfig) -> int:
    """Starts or resumes a search and prints the best settings as a command; exit code 3 where a trial has no result."""
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
    """A finished search. `command` trains with the best settings; empty where no trial has a result."""

    folder: Path
    search: Search
    command: str


def run_search(config: DictConfig, name: str, given: list[str], compose: Compose) -> Found:
    """Runs the trials that are missing; in MLflow each is a child of the search's run.

    Args:
        config: As composed by Hydra, with `search`.
        name: Of the experiment.
        given: The overrides that `config` was composed with.
        compose: Composes the configuration with other overrides.

    Raises:
        InputError: whatever the user can fix; the same command then resumes.
    """
    recipe, root = recipe_of(config), Path(config.data.root)
    settings = OmegaConf.to_object(config.search)
    assert isinstance(settings, SearchConfig)
    rate = recipe.optimizer.lr
    texts = dict(settings.space) or {"optimizer.lr": f"tag(log, interval({rate / 10:g}, {rate * 10:g}))"}
    space = parse_space(texts)
    _check(recipe, space, given, compose)
    fingerprint = hash_value([recipe.fingerprint(), str(root.resolve()), texts, settings.seed])
    path = Path(config.paths.work) / f"search-{name}-{fingerprint[:8]}"
    with folder_lock(path, "search"):
        data = open_training(recipe.pairs, recipe.edits, root, recipe.seed, recipe.size_of_epoch)
        judged_set(recipe, root, data)  # an error that would stop every trial stops the search
        store = open_store(Path(config.paths.mlruns))
        photographs = digest_of(tuple(Path(photograph) for photograph in data.image_pool.photographs))
        folder = RunFolder.open(path, photographs, config.resume, store)
        search = Search(space, settings.seed, folder.path / "study.db")
        parent = folder.mlflow_run(store) or parent_run(
            store, config.tracking.experiment, f"{folder.path} {time.time_ns()}", f"search of {name}"
        )
        folder.note(mlflow_run=parent, space=texts)
        for trial in search.proposals(settings.trials):
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


def _check(recipe: Recipe, space: Mapping[str, BaseDistribution], given: list[str], compose: Compose) -> None:
    """Composes the corners of the space, so that no trial fails just because of its settings.

    Raises:
        InputError: a key that does not exist with some choice, an invalid value, no validation to compare by.
    """
    if not recipe.validation.every_n_epochs:
        raise InputError("validation.every_n_epochs=0: a search compares trainings by their uAP: must be >= 1")
    if recipe.trainer.distributed:
        raise InputError("trainer.distributed=true: a search trains in one process: use trainer=cpu or trainer=gpu")
    choices = {key: item.choices for key, item in space.items() if isinstance(item, CategoricalDistribution)}
    ranges = {key: item for key, item in space.items() if isinstance(item, IntDistribution | FloatDistribution)}
    ends = [
        {key: value_text(item, item.low) for key, item in ranges.items()},
        {key: value_text(item, item.high) for key, item in ranges.items()},
    ]
    for chosen in itertools.product(*choices.values()):
        values = {key: str(value) for key, value in zip(choices, chosen, strict=True)}
        known = dotted(_composed(compose, _replaced(given, values)))
        for key in space:
            if key not in known or key.split(".")[0] in _NOT_TRAINING:
                where = f" where {', '.join(f'{name}={value}' for name, value in values.items())}" if values else ""
                near = nearest_key(key, known)
                hint = f" (did you mean '{near}'?)" if near else ""
                raise InputError(f"search.space: unknown config key '{key}'{where}{hint}")
        for corner in ends:
            recipe_of(_composed(compose, _replaced(given, values | corner)))


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
    """The command that trains with the best settings; given again, it finds the training of the search."""
    if search.best is None:
        return ""
    kept = [text for text in given if _key(text).split(".")[0] not in _NOT_TRAINING]
    return shlex.join(["python", "train/esvit.py", *_replaced(kept, search.best[0].values)])


def _log(run: Run, search: Search, given: list[str]) -> None:
    """The search's own run shows the best uAP so far, and the best settings as tags."""
    if search.best is not None:
        trial, uap = search.best
        run.log_metrics({"uap": uap})
        run.log_metrics({"best/uap": uap}, len(search.results) - 1)
        tags = {"trial": str(trial.number), "command": _command(given, search), **trial.values}
        for key, value in tags.items():
            run.store.client().set_tag(run.run_id, f"best.{key}", value)
