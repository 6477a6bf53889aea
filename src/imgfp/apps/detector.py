"""What train/detector.py does: scenes from photographs, one tracked training on them, begun or gone on with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from imgfp.apps.config_node import whole_number
from imgfp.apps.hydra_app import command_key, experiment_choice
from imgfp.apps.synthetic_data import photographs_of
from imgfp.detection import (
    Box,
    Finder,
    Found,
    SynthesisConfig,
    describe_scenes,
    detector_module,
    judge_boxes,
    make_scenes,
    read_labels,
)
from imgfp.errors import InputError
from imgfp.files import atomic_path, hash_file, hash_value
from imgfp.images import Failure, ImageList, digest_of, read_rgb
from imgfp.progress import announce, track
from imgfp.reports import Curve, draw_boxes, draw_samples, precision_recall_figure
from imgfp.reports.console import report_failures, ui_hint
from imgfp.studies.training_run import RunFolder
from imgfp.tracking import Run, Store, describe, log_checkpoint, open_store, parent_run, tracked_run

_DRAWN, _CARDS_A_ROW = 48, 8


@dataclass(frozen=True)
class BoxedScene:
    """A scene with its boxes drawn, for a contact sheet."""

    pictures: Sequence[np.ndarray | None]
    captions: Sequence[str]


def train_app(config: DictConfig) -> int:
    """Trains, or goes on, and prints the figures; with `show` it only draws scenes."""
    photographs = photographs_of(config)
    made = _made(config)
    if count := whole_number(config, "show"):
        scenes, failures = _scenes(config, photographs, SynthesisConfig(count, 1, made.longest, made.seed))
        sheet = scenes.with_name(f"{scenes.name}.png")
        draw_samples(boxed_scenes(read_labels(scenes, "train")), sheet, _CARDS_A_ROW)
        print(f"open next: {sheet}")
        return report_failures(tuple(failures), scenes / "failures.csv")
    recipe = _recipe(config)
    detector_module("training").check_start(recipe, Path(config.paths.work))
    name = experiment_choice("detector")
    store = open_store(Path(config.paths.mlruns))
    key = command_key()
    parent = parent_run(store, config.tracking.experiment, key, f"sweep of {name}") if key else None
    scenes, failures = _scenes(config, photographs, made)
    weights = hash_file(Path(recipe.weights)) if recipe.weights else None
    material = hash_value([digest_of(photographs.paths), describe_scenes(made), weights])
    path = Path(config.paths.work) / f"{name}-{hash_value([recipe.as_plain(), material])[:8]}"
    done = _train(config, recipe, name, store, parent, photographs, scenes, path, material)
    figures = ", ".join(f"{figure} {done.figures[figure]:.4f}" for figure in ("map50", "map50_95"))
    print(f"best of {done.epochs} epochs: epoch {done.best_epoch}, {figures} on {made.held_out} scenes it never saw")
    print(f"weights: {done.weights}")
    print(f"in MLflow: {ui_hint(Path(config.paths.mlruns))}, then {describe(store, config.tracking.experiment)}")
    return report_failures(tuple(failures), scenes / "failures.csv")


def boxed_scenes(
    labelled: Sequence[tuple[Path, Sequence[Box]]], finder: Finder | None = None, least: float = 0.25
) -> list[BoxedScene]:
    """Scenes with their boxes, and those that a finder finds with at least some confidence."""
    cards = []
    for path, boxes in labelled[:_DRAWN]:
        image = read_rgb(path)
        if isinstance(image, Failure):
            cards.append(BoxedScene([None], [path.stem]))
            continue
        found = [] if finder is None else [item for item in finder(image) if item.confidence >= least]
        drawn = draw_boxes(image, [_corners(box) for box in boxes], [_corners(item.box) for item in found])
        said = ", ".join(f"{item.confidence:.2f}" for item in found)
        caption = ", ".join(sorted({box.label for box in boxes})) or "nothing"
        cards.append(BoxedScene([drawn], [caption if finder is None else f"{caption}; found {said or 'nothing'}"]))
    return cards


def find_in_scenes(labelled: Sequence[tuple[Path, Sequence[Box]]], finder: Finder) -> list[list[Found]]:
    """What a finder finds in each scene."""
    found = []
    for path, _ in track(labelled, len(labelled), "looking at scenes", "scenes"):
        image = read_rgb(path)
        found.append([] if isinstance(image, Failure) else finder(image))
    return found


def _train(
    config: DictConfig,
    recipe: Any,
    name: str,
    store: Store,
    parent: str | None,
    photographs: ImageList,
    scenes: Path,
    path: Path,
    material: str,
) -> Any:
    training = detector_module("training")
    folder = RunFolder.open(path, material, config.resume, store)
    begun = training.read_checkpoint(path) is not None
    about = {
        "data": f"{config.data.size} scenes of nine in ten of {len(photographs)} photographs of {photographs.root.parent.name}",
        "photographs": digest_of(photographs.paths),
        "scenes": describe_scenes(_made(config)),
        "command": " ".join(["python train/detector.py", *_overrides()]),
    }
    if folder.noted("shown") and (done := training.finished(path, recipe)) is not None:
        announce(f"{path}: this training is done already; resume=false trains again")
        return done
    params = {"experiment": name, "photographs": str(photographs.root), "data": about["scenes"], **recipe.as_plain()}
    tags = {"experiment": name, "data": photographs.root.parent.name, "architecture": recipe.network}
    known = folder.mlflow_run(store) if begun else None
    with tracked_run(
        store, config.tracking.experiment, name, params, OmegaConf.to_yaml(config, resolve=True), tags, parent, known
    ) as run:
        folder.note(mlflow_run=run.run_id)
        if known is None:
            run.log_dataset(photographs.root.name, photographs.root, material, context="training")
            draw_samples(boxed_scenes(read_labels(scenes, "train")), path / "scenes.png", _CARDS_A_ROW)
            run.log_artifact(path / "scenes.png", "pictures")
        done = training.train_detector(scenes, path, recipe, run.log_metrics, about)
        _show(run, done, scenes, path, params, material)
        folder.note(shown=True)  # not before: a training killed here still has that to do
    return done


def _show(run: Run, done: Any, scenes: Path, path: Path, params: dict[str, Any], material: str) -> None:
    """The best weights as MLflow's model, their curve, and what they find in held-out scenes."""
    labelled = read_labels(scenes, "val")
    finder = detector_module("finder").LearnedFinder(done.weights)
    judged = judge_boxes(find_in_scenes(labelled, finder), [boxes for _, boxes in labelled])
    curve = Curve("held-out scenes, IoU 0.5", judged.recall, judged.precision, judged.average_precision, "AP")
    with atomic_path(path / "precision_recall.png") as temporary:
        precision_recall_figure([curve]).savefig(temporary, format="png")
    draw_samples(boxed_scenes(labelled, finder), path / "predictions.png", _CARDS_A_ROW)
    for file in ("precision_recall.png", "predictions.png"):
        run.log_artifact(path / file, "pictures")
    card = done.weights.with_suffix(".json")
    for file in (done.weights, card):
        run.log_artifact(file, "weights")
    log_checkpoint(run, done.weights, card, params, done.figures, done.best_epoch, ("held-out scenes", material), "detector")  # fmt: skip


def _made(config: DictConfig) -> SynthesisConfig:
    return SynthesisConfig(**{key: whole_number(config.data, key) for key in ("size", "held_out", "longest", "seed")})


def _overrides() -> list[str]:
    """What the command line changed, but for the folders that are written to."""
    given = list(HydraConfig.get().overrides.task) if HydraConfig.initialized() else []
    return [text for text in given if not text.startswith("paths.")]


def _scenes(config: DictConfig, photographs: ImageList, made: SynthesisConfig) -> tuple[Path, list[Failure]]:
    """The folder of the scenes, made unless they are there, and the photographs that could not be read."""
    key = hash_value([str(photographs.root), photographs.ids, digest_of(photographs.paths), describe_scenes(made)])
    folder = Path(config.paths.work) / f"scenes-{key[:8]}"
    return folder, make_scenes(photographs, folder, made)


def _recipe(config: DictConfig) -> Any:
    """The typed recipe of the second distribution.

    Raises:
        InputError: a value that it cannot have, or the distribution is not installed.
    """
    kind = detector_module("recipe").DetectorRecipe
    values = {key: config[key] for key in kind.__dataclass_fields__}
    for key in ("epochs", "size"):
        given = values[key]
        values[key] = tuple(given) if OmegaConf.is_list(given) else (given,)
        if not all(isinstance(value, int) for value in values[key]):
            raise InputError(f"{key}={given}: give a whole number, or a list of them")
    return kind(**values)


def _corners(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.top, box.right, box.bottom
