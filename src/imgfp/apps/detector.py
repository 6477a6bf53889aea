"""What train/detector.py does: makes scenes from photographs, and starts or resumes one tracked training on them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from imgfp.apps.config_node import stages_of
from imgfp.apps.hydra_app import experiment_choice
from imgfp.apps.schemas import DetectorApp, settings_of
from imgfp.apps.sweep_job import hand_over, sweep_parent
from imgfp.apps.synthetic_data import photographs_of
from imgfp.detection import (
    Box,
    Detection,
    Finder,
    SynthesisConfig,
    describe_scenes,
    detector_module,
    evaluate_boxes,
    make_scenes,
    read_labels,
)
from imgfp.files import atomic_path, hash_file, hash_value
from imgfp.images import Failure, ImageList, digest_of, read_rgb
from imgfp.progress import announce, track
from imgfp.reports import Curve, draw_boxes, draw_samples, precision_recall_figure
from imgfp.reports.console import report_failures, ui_hint
from imgfp.studies.folder_lock import folder_lock
from imgfp.studies.training_run import RunFolder
from imgfp.tracking import Parent, Run, Store, adopt, describe, log_checkpoint, open_store, tracked_run

_DRAWN, _CARDS_A_ROW = 48, 8


@dataclass(frozen=True)
class BoxedScene:
    """A scene with its boxes drawn, for a contact sheet."""

    images: Sequence[np.ndarray | None]
    captions: Sequence[str]


def train_app(config: DictConfig) -> int:
    """Starts or resumes the training and prints the figures; with `show` it only draws scenes."""
    app = settings_of(config, DetectorApp)
    photographs = photographs_of(app)
    made: SynthesisConfig = app.scenes
    if app.show:
        scenes, failures = _scenes(app, photographs, replace(made, size=app.show, held_out=1))
        sheet = scenes.with_name(f"{scenes.name}.png")
        draw_samples(boxed_scenes(read_labels(scenes, "train")), sheet, _CARDS_A_ROW)
        print(f"open next: {sheet}")
        return report_failures(tuple(failures), scenes / "failures.csv")
    recipe = _recipe(app)
    detector_module("training").check_start(recipe, Path(app.paths.work))
    name = experiment_choice("detector")
    store = open_store(app.paths.mlruns)
    scenes, failures = _scenes(app, photographs, made)
    weights = hash_file(Path(recipe.weights)) if recipe.weights else None
    data_hash = hash_value([digest_of(photographs.paths), describe_scenes(made), weights])
    path = Path(app.paths.work) / f"{name}-{hash_value([recipe.as_plain(), data_hash])[:8]}"
    with folder_lock(path):
        done = _train(config, recipe, name, store, sweep_parent(), photographs, scenes, path, data_hash)
    figures = ", ".join(f"{figure} {done.figures[figure]:.4f}" for figure in ("map50", "map50_95"))
    print(f"best of {done.epochs} epochs: epoch {done.best_epoch}, {figures} on {made.held_out} held-out scenes")
    print(f"weights: {done.weights}")
    print(f"in MLflow: {ui_hint(store.name)}, then {describe(store, app.tracking.experiment)}")
    return report_failures(tuple(failures), scenes / "failures.csv")


def boxed_scenes(labelled: Sequence[tuple[Path, Sequence[Box]]], finder: Finder | None = None) -> list[BoxedScene]:
    """Scenes with their boxes, and those that a finder finds with a confidence of at least 0.25."""
    cards = []
    for path, boxes in labelled[:_DRAWN]:
        image = read_rgb(path)
        if isinstance(image, Failure):
            cards.append(BoxedScene([None], [path.stem]))
            continue
        found = [] if finder is None else [item for item in finder(image) if item.confidence >= 0.25]
        drawn = draw_boxes(image, [_corners(box) for box in boxes], [_corners(item.box) for item in found])
        said = ", ".join(f"{item.confidence:.2f}" for item in found)
        caption = ", ".join(sorted({box.label for box in boxes})) or "nothing"
        cards.append(BoxedScene([drawn], [caption if finder is None else f"{caption}; found {said or 'nothing'}"]))
    return cards


def find_in_scenes(labelled: Sequence[tuple[Path, Sequence[Box]]], finder: Finder) -> list[list[Detection]]:
    """The detections in each scene."""
    found = []
    for path, _ in track(labelled, len(labelled), "evaluating scenes", "scenes"):
        image = read_rgb(path)
        found.append([] if isinstance(image, Failure) else finder(image))
    return found


def _train(
    config: DictConfig,
    recipe: Any,
    name: str,
    store: Store,
    parent: Parent | None,
    photographs: ImageList,
    scenes: Path,
    path: Path,
    data_hash: str,
) -> Any:
    training, app = detector_module("training"), settings_of(config, DetectorApp)
    folder = RunFolder.open(path, data_hash, app.resume, store)
    begun = training.read_checkpoint(path) is not None
    about = {
        "data": f"{app.scenes.size} scenes from 90 % of {len(photographs)} photographs of {photographs.root.parent.name}",
        "photographs": digest_of(photographs.paths),
        "scenes": describe_scenes(app.scenes),
        "command": " ".join(["python train/detector.py", *_overrides()]),
    }
    if folder.noted("shown") and (done := training.finished(path, recipe)) is not None:
        announce(f"{path}: already finished; use resume=false to retrain")
        run_id = folder.mlflow_run(store)
        if parent is not None and run_id is not None:
            adopt(store, run_id, parent, app.tracking.experiment, name)
        hand_over(parent, run_id, done.figures, reused=True)
        return done
    params = {"experiment": name, "photographs": str(photographs.root), "data": about["scenes"], **recipe.as_plain()}
    tags = {"experiment": name, "data": photographs.root.parent.name, "architecture": recipe.network}
    known = folder.mlflow_run(store) if begun else None
    with tracked_run(
        store, app.tracking.experiment, name, params, OmegaConf.to_yaml(config, resolve=True), tags, parent, known
    ) as run:
        folder.note(mlflow_run=run.run_id)
        if known is None:
            run.log_dataset(photographs.root.name, photographs.root, data_hash, context="training")
            draw_samples(boxed_scenes(read_labels(scenes, "train")), path / "scenes.png", _CARDS_A_ROW)
            run.log_artifact(path / "scenes.png", "images")
        link = f"{ui_hint(store.name)}, then {describe(store, app.tracking.experiment)}"
        announce(
            f"training    {app.scenes.size} scenes of {len(photographs)} photographs, {sum(recipe.epochs)} epochs, device {recipe.device}\n"
            f"validation  {app.scenes.held_out} held-out scenes\nfolder      {path}\nMLflow      {link}"
        )
        done = training.train_detector(scenes, path, recipe, run.log_metrics, about)
        _show(run, done, scenes, path, params, data_hash)
        folder.note(shown=True)  # not before: a training killed here still has to log these
        hand_over(parent, run.run_id, done.figures)
    return done


def _show(run: Run, done: Any, scenes: Path, path: Path, params: dict[str, Any], data_hash: str) -> None:
    """Logs the best weights as MLflow's model, their curve, and their detections in held-out scenes."""
    labelled = read_labels(scenes, "val")
    finder = detector_module("finder").LearnedFinder(done.weights)
    judged = evaluate_boxes(find_in_scenes(labelled, finder), [boxes for _, boxes in labelled])
    curve = Curve("held-out scenes, IoU 0.5", judged.recall, judged.precision, judged.average_precision, "AP")
    with atomic_path(path / "precision_recall.png") as temporary:
        precision_recall_figure([curve]).savefig(temporary, format="png")
    draw_samples(boxed_scenes(labelled, finder), path / "predictions.png", _CARDS_A_ROW)
    for file in ("precision_recall.png", "predictions.png"):
        run.log_artifact(path / file, "images")
    card = done.weights.with_suffix(".json")
    for file in (done.weights, card):
        run.log_artifact(file, "weights")
    title = f"{path.name.replace('.', '_')} epoch {done.best_epoch}"
    data = "held-out scenes", data_hash
    log_checkpoint(run, done.weights, card, params, done.figures, done.best_epoch, data, "detector", title)


def _overrides() -> list[str]:
    """What the command line changed, except for the folders that are written to."""
    given = list(HydraConfig.get().overrides.task) if HydraConfig.initialized() else []
    return [text for text in given if not text.startswith("paths.")]


def _scenes(app: DetectorApp, photographs: ImageList, made: SynthesisConfig) -> tuple[Path, list[Failure]]:
    """The folder of the scenes, made unless they exist, and the photographs that could not be read."""
    key = hash_value([str(photographs.root), photographs.ids, digest_of(photographs.paths), describe_scenes(made)])
    folder = Path(app.paths.work) / f"scenes-{key[:8]}"
    return folder, make_scenes(photographs, folder, made)


def _recipe(app: DetectorApp) -> Any:
    """The typed recipe of the second distribution.

    Raises:
        InputError: an invalid value, or the distribution is not installed.
    """
    kind = detector_module("recipe").DetectorRecipe
    values = {key: getattr(app, key) for key in kind.__dataclass_fields__}
    return kind(**values | {key: stages_of(key, values[key]) for key in ("epochs", "size")})


def _corners(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.top, box.right, box.bottom
