"""What train/tune.py does: trainings one after the other, each with the settings that a search proposes."""

import shlex
import time
from dataclasses import dataclass
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from imgfp.apps.esvit import run_training
from imgfp.apps.hydra_app import experiment_choice
from imgfp.apps.recipe_config import recipe_of
from imgfp.apps.search_check import NOT_TRAINING, Compose, check_corners, replaced, search_space_of
from imgfp.apps.search_space import SearchConfig
from imgfp.apps.sweep_plan import key_of
from imgfp.errors import LEFT_OUT, OK
from imgfp.files import hash_value
from imgfp.images import digest_of
from imgfp.learning.artifacts import Diverged
from imgfp.learning.data import open_training
from imgfp.learning.validation_set import judged_set
from imgfp.progress import announce
from imgfp.studies.folder_lock import folder_lock
from imgfp.studies.training_run import RunFolder
from imgfp.studies.tuning import FAILED, PRUNED, Search, Trial, median_pruner
from imgfp.tracking import Parent, Run, describe, open_store, parent_run


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
    states = [each.state for each in found.search.trials]
    failed = states.count(FAILED)
    print(f"{len(states)} trials, {states.count(PRUNED)} pruned and {failed} without a result, in {found.folder}")
    print(found.search.table())
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
    settings, texts, space = search_space_of(config, recipe)
    check_corners(recipe, space, given, compose)
    pruner = [] if settings.pruner == SearchConfig().pruner else [settings.pruner]  # older searches keep their names
    fingerprint = hash_value([recipe.fingerprint(), str(root.resolve()), texts, settings.seed, *pruner])
    path = Path(config.paths.work) / f"search-{name}-{fingerprint[:8]}"
    with folder_lock(path, "search"):
        data = open_training(recipe.pairs, recipe.edits, root, recipe.seed, recipe.size_of_epoch)
        judged_set(recipe, root, data)  # an error that would stop every trial stops the search
        store = open_store(config.paths.mlruns)
        photographs = digest_of(tuple(Path(photograph) for photograph in data.image_pool.photographs))
        folder = RunFolder.open(path, photographs, config.resume, store)
        search = Search(
            space,
            settings.seed,
            folder.path / "study.db",
            pruner=median_pruner(recipe.total_epochs) if settings.pruner == "median" else None,
        )
        title, key = f"search of {name}", folder.noted("sweep_key")
        if key is None or folder.mlflow_run(store) is None:
            key = f"{folder.path} {time.time_ns()}"
        parent = parent_run(store, config.tracking.experiment, key, title)
        folder.note(mlflow_run=parent, sweep_key=key, space=texts)
        for trial in search.proposals(settings.trials):
            announce(f"trial {trial.number} of {settings.trials}: {' '.join(trial.overrides())}")
            try:
                of_trial = Parent(key, title, " ".join(trial.overrides()), trial.values)
                _try(search, trial, compose(replaced(given, trial.values)), name, of_trial)
            except Diverged as error:
                announce(f"trial {trial.number} has no result: {error}")
                search.tell(trial, None)
            _log(Run(store, parent), search, given)
    print(f"in MLflow: {describe(store, config.tracking.experiment)}")
    return Found(folder.path, search, _command(given, search))


@dataclass(frozen=True)
class _TrialJudge:
    """Ends the training of a trial where the search prunes it."""

    search: Search
    trial: Trial
    epochs: int

    def report(self, epoch: int, uap: float) -> None:
        """See `Judge`. Not of the last epoch, after which nothing is left to prune, also where it is killed there."""
        if epoch < self.epochs:
            self.search.report(self.trial, epoch, uap)

    def stops(self) -> bool:
        """See `Judge`."""
        return self.search.prunes(self.trial)


def _try(search: Search, trial: Trial, config: DictConfig, name: str, parent: Parent) -> None:
    """Trains with a trial's settings and tells the search what came of it."""
    judge = _TrialJudge(search, trial, recipe_of(config).total_epochs)
    done = run_training(config, name, parent, judge)
    pruned = done.epochs < judge.epochs and judge.stops()
    search.tell(trial, float(done.figures.get("uap") or 0.0), pruned)
    if pruned:
        after = f"after epoch {search.trials[-1].epoch}"
        announce(f"trial {trial.number} was pruned {after}: its uap is below the median of the trials before it")
        store = open_store(config.paths.mlruns)
        if run_id := RunFolder(done.folder, "").mlflow_run(store):
            Run(store, run_id).set_tag("pruned", after)


def _command(given: list[str], search: Search) -> str:
    """The command that trains with the best settings; given again, it finds the training of the search."""
    if search.best is None:
        return ""
    kept = [text for text in given if key_of(text).split(".")[0] not in NOT_TRAINING]
    return shlex.join(["python", "train/esvit.py", *replaced(kept, search.best[0].values)])


def _log(run: Run, search: Search, given: list[str]) -> None:
    """The search's own run shows the best uAP so far, and the best settings as tags."""
    if search.best is not None:
        trial, uap = search.best
        run.log_metrics({"uap": uap})
        run.log_metrics({"best/uap": uap}, len(search.results) - 1)
        tags = {"trial": str(trial.number), "command": _command(given, search), **trial.values}
        for key, value in tags.items():
            run.set_tag(f"best.{key}", value)
