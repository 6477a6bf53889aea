"""What train/esvit.py does: starts or resumes one tracked training."""

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from imgfp.apps.hydra_app import experiment_choice
from imgfp.apps.recipe_config import recipe_of, shown
from imgfp.apps.sweep import Result
from imgfp.apps.sweep_job import collected, hand_over, sweep_parent
from imgfp.errors import LEFT_OUT, OK
from imgfp.files import hash_file, hash_value
from imgfp.images import digest_of
from imgfp.learning.artifacts import LAST, Trained
from imgfp.learning.data import TrainingData, open_training, show_samples
from imgfp.learning.distributed import (
    call_in_processes,
    is_first,
    join_processes,
    process_of,
    processes_to_start,
    wait_for_all,
)
from imgfp.learning.recipe import Recipe
from imgfp.learning.recorder import Recorder, Unrecorded
from imgfp.learning.trainer import trains_together
from imgfp.learning.validate import JudgedSet
from imgfp.learning.validation_set import judged_set
from imgfp.progress import announce
from imgfp.reports import draw_samples
from imgfp.reports.console import ui_hint
from imgfp.studies.folder_lock import folder_lock
from imgfp.studies.training_run import Judge, RunFolder, TrackedRecorder
from imgfp.studies.training_summary import training_summary
from imgfp.tracking import Parent, adopt, describe, open_store, tracked_run

_LOGGED_SAMPLES = 16


def train_app(config: DictConfig) -> int:
    """Starts or resumes the training and prints the figures; with `show` it only draws samples. The exit code is 0 or 3."""
    name = experiment_choice("esvit")
    recipe = recipe_of(config)
    count, epoch = shown(config, recipe)
    if count:
        path = _folder(config, recipe, name)
        data = open_training(recipe.pairs, recipe.edits, Path(config.data.root), recipe.seed, recipe.size_of_epoch)
        print(f"open next: {_draw(data, count, path.with_name(path.name + '.samples.png'), epoch)}")
        return OK
    done = run_training(config, name, sweep_parent())
    if is_first():
        _tell(config, done)
    # torchrun knows only success and failure: missing images are reported and listed there, and are no failure
    return LEFT_OUT if done.failures and not os.environ.get("LOCAL_RANK") else OK


def run_training(
    config: DictConfig, name: str, parent: str | Parent | None = None, judge: Judge | None = None
) -> Trained:
    """One tracked training; if it is finished already, only its results.

    Args:
        config: As composed by Hydra.
        name: Of the run.
        parent: MLflow run, or sweep, that it belongs to.
        judge: May end it; the same command without a judge then resumes it.

    Raises:
        InputError: anything the user can fix.
    """
    recipe = recipe_of(config)
    if (count := processes_to_start(recipe.trainer)) > 1:
        resolved = copy.deepcopy(config)
        OmegaConf.resolve(resolved)  # the others have no Hydra
        done, handed = call_in_processes(count, _one_of_several, resolved, name, parent)
        for result in handed:  # to the sweep's table of the first process, which has ended
            hand_over(parent if isinstance(parent, Parent) else None, result.run_id, done.figures, result.reused)
        return done
    path = _folder(config, recipe, name)
    with folder_lock(path) if is_first() else nullcontext():
        return _run(config, recipe, name, path, parent, judge)


def _run(
    config: DictConfig, recipe: Recipe, name: str, path: Path, parent: str | Parent | None, judge: Judge | None
) -> Trained:
    root = Path(config.data.root)
    rank, world = process_of(recipe.trainer)
    data = open_training(recipe.pairs, recipe.edits, root, recipe.seed, recipe.size_of_epoch, rank, world)
    judged, tags = judged_set(recipe, root, data)
    if trains_together(recipe.trainer):
        join_processes(recipe.trainer)
    photographs = digest_of(tuple(Path(photograph) for photograph in data.image_pool.photographs))
    pairs = hash_file(Path(recipe.pairs.ground_truth)) if recipe.pairs.ground_truth else None
    data_hash = hash_value([photographs, pairs, judged.digest if judged else None])
    if is_first():
        folder = RunFolder.open(path, data_hash, config.resume, open_store(config.paths.mlruns))
    wait_for_all()
    if not is_first():
        folder = RunFolder(path, data_hash)
    if folder.finished is not None:
        announce(f"{path}: already finished; use resume=false to retrain")
        if is_first():
            _hand_over(config, name, folder, folder.finished, parent, reused=True)
        return folder.finished
    about = {"experiment": name, "data": {"root": root.name, "photographs": photographs, **tags}}
    tags = {"experiment": name, "data": root.name, "architecture": recipe.network.architecture, **tags}
    with _recorder(config, recipe, name, folder, judged, data, tags, parent, judge) as recorder:
        from imgfp.learning.train import train  # with Lightning, whose import takes longer than all else here

        done = train(recipe, data, judged, folder.path, recorder, about)
        if is_first() and not (recorder.stop() and done.epochs < recipe.total_epochs):
            folder.note(finished={"epochs": done.epochs, "stopped_early": done.stopped_early})
            _hand_over(config, name, folder, done, parent)
        wait_for_all()  # torchrun ends all of them where one ends before
    return done


def _one_of_several(config: DictConfig, name: str, parent: str | Parent | None) -> tuple[Trained, tuple[Result, ...]]:
    return run_training(config, name, parent), collected()


def _hand_over(
    config: DictConfig, name: str, folder: RunFolder, done: Trained, parent: str | Parent | None, reused: bool = False
) -> None:
    """Of a job of a sweep: its figures for the sweep's table, and one that finished before becomes a child of the sweep."""
    if isinstance(parent, Parent):
        store = open_store(config.paths.mlruns)
        run_id = folder.mlflow_run(store)
        if reused and run_id is not None:
            adopt(store, run_id, parent, config.tracking.experiment, name)
        hand_over(parent, run_id, done.figures, reused)


@contextmanager
def _recorder(
    config: DictConfig,
    recipe: Recipe,
    name: str,
    folder: RunFolder,
    judged: JudgedSet | None,
    data: TrainingData,
    tags: dict[str, str],
    parent: str | Parent | None,
    judge: Judge | None,
) -> Iterator[Recorder]:
    """The MLflow run of the first process; the others report nothing."""
    if not is_first():
        yield Unrecorded()
        return
    store = open_store(config.paths.mlruns)
    params: dict[str, object] = {"experiment": name, "data": config.data.root, **recipe.as_plain()}
    known = folder.mlflow_run(store) if folder.begun else None
    with tracked_run(
        store, config.tracking.experiment, name, params, OmegaConf.to_yaml(config, resolve=True), tags, parent, known
    ) as run:
        folder.note(mlflow_run=run.run_id)
        if known is None:
            photographs = Path(data.image_pool.photographs[0]).parent
            run.log_dataset(photographs.name, photographs, folder.data_hash, context="training")
            if judged is not None:
                counts = len(judged.queries), len(judged.references)
                run.log_dataset(judged.name, Path(config.data.root), judged.digest, *counts, context="validation")
            run.log_artifact(_draw(data, _LOGGED_SAMPLES, folder.path / "samples.png"), "images")
        data_set = (judged.name, judged.digest) if judged else None
        yield TrackedRecorder(run, params, data_set, _link(config), judge)


def _folder(config: DictConfig, recipe: Recipe, name: str) -> Path:
    """The folder is named after the recipe and the data set, so a rerun finds it."""
    root = str(Path(config.data.root).resolve())
    _, world = process_of(recipe.trainer)  # decides what a step compares
    return Path(config.paths.work) / f"{name}-{hash_value([recipe.fingerprint(), root, world])[:8]}"


def _draw(data: TrainingData, count: int, path: Path, epoch: int = 0) -> Path:
    draw_samples(show_samples(data, count, epoch), path)
    return path


def _link(config: DictConfig) -> str:
    """How to see the runs."""
    store = open_store(config.paths.mlruns)
    return f"{ui_hint(store.name)}, then {describe(store, config.tracking.experiment)}"


def _tell(config: DictConfig, done: Trained) -> None:
    print(training_summary(done))
    if done.failures:
        announce(f"{len(done.failures)} photograph(s) were left out, listed in {done.folder / 'failures.csv'}")
    print(f"weights: {done.best or done.folder / LAST}")
    print(f"folder:  {done.folder}")
    print(f"MLflow:  {_link(config)}")
