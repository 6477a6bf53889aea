"""Trains a detector on synthetic scenes with ultralytics' trainer, verified checkpoints and our exports."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from imgfp.detection import CLASSES
from imgfp.errors import InputError
from imgfp.files import atomic_path, hash_file, write_bytes, write_json
from imgfp.progress import announce, track
from imgfp.threads import thread_count
from imgfp_detector.library import detection_model, read_pickled, trainer_class
from imgfp_detector.recipe import DetectorRecipe
from imgfp_detector.weights import fill, write_weights

MERGED = ("picture",)  # the class list of a single-class detector, stored in model cards
_CHECKPOINT = "checkpoint.json"
Figures = dict[str, float]


@dataclass(frozen=True)
class TrainedDetector:
    """Result of a training: number of epochs, best epoch (from 1), its metrics, and the weights file."""

    epochs: int
    best_epoch: int
    figures: Figures
    weights: Path


def train_detector(
    scenes: Path,
    folder: Path,
    recipe: DetectorRecipe,
    record: Callable[[Figures, int], None],
    about: Mapping[str, object],
) -> TrainedDetector:
    """Trains a detector; resumes from a checkpoint in `folder`, which must contain only files of this run.

    Args:
        scenes: Folder written by `make_scenes`.
        folder: Output folder of checkpoints and the best weights.
        recipe: Training settings.
        record: Called after each epoch with its metrics and its number, from 1.
        about: Additional entries of the model card: data, command.

    Raises:
        InputError: ultralytics is not installed, weights do not fit, or the checkpoint was replaced.
    """
    if done := finished(folder, recipe):
        return done
    checkpoint = read_checkpoint(folder)
    state = _Progress.read(folder) if checkpoint else _Progress()
    for cache in scenes.glob("labels/*.cache"):  # a pickle that ultralytics would load without checking its origin
        cache.unlink()
    trainer = _trainer(folder / "ultralytics", scenes, folder, recipe, checkpoint)
    _watch(trainer, recipe, folder, state, record, about)
    trainer.train()
    return state.as_trained(folder)


def finished(folder: Path, recipe: DetectorRecipe) -> TrainedDetector | None:
    """The result of a completed training in `folder`; None if it is not completed."""
    if read_checkpoint(folder) is None:
        return None
    state = _Progress.read(folder)
    return state.as_trained(folder) if state.epoch >= sum(recipe.epochs) else None


def check_start(recipe: DetectorRecipe, folder: Path) -> None:
    """Raises InputError if the initial weights of a recipe cannot be used."""
    if recipe.weights:
        _initial_network(recipe, folder / "ultralytics")


def read_checkpoint(folder: Path) -> Path | None:
    """The checkpoint to resume from, a pickle: only if its checksum is the one that this run recorded.

    Raises:
        InputError: the checkpoint is missing or was changed.
    """
    try:
        noted = json.loads((folder / _CHECKPOINT).read_bytes())
        path = folder / noted["file"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{folder / _CHECKPOINT}: damaged: train from scratch with resume=false") from None
    if Path(noted["file"]).name != noted["file"] or not path.is_file() or hash_file(path) != noted["sha256"]:
        raise InputError(
            f"{path}: missing or changed (sha256 differs), not loaded because it is a pickle: train from scratch with "
            "resume=false"
        )
    return path


@dataclass
class _Progress:
    """Progress of a training."""

    epoch: int = 0
    best_epoch: int = 0
    best: Figures = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "_Progress":
        noted = json.loads((folder / _CHECKPOINT).read_bytes())
        return cls(noted["epoch"], noted["best_epoch"], noted["best"])

    def as_trained(self, folder: Path) -> TrainedDetector:
        """The result if the training ends here."""
        return TrainedDetector(self.epoch, self.best_epoch, self.best, weights_file(folder, self.best_epoch))


def weights_file(folder: Path, epoch: int) -> Path:
    """The export of an epoch. The checkpoint names the best one, so both are consistent if the training is killed."""
    return folder / f"epoch-{epoch:03d}.safetensors"


def _trainer(settings: Path, scenes: Path, folder: Path, recipe: DetectorRecipe, checkpoint: Path | None) -> Any:
    """ultralytics' trainer with progressive resizing, and without its final validation and pickles."""
    base = trainer_class(settings)

    class Trainer(base):  # type: ignore[misc, valid-type]
        def _setup_train(self) -> None:
            super()._setup_train()
            if self.device.type == "cpu":  # the library leaves one CPU idle
                torch.set_num_threads(thread_count())
                self.model.to(memory_format=torch.channels_last)

        def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
            batch = super().preprocess_batch(batch)
            batch["img"] = _resized(batch["img"], recipe.side_at(self.epoch) / max(recipe.size))
            if self.device.type == "cpu":
                batch["img"] = batch["img"].contiguous(memory_format=torch.channels_last)
            return batch

        def get_validator(self) -> Any:
            validator = super().get_validator()
            base_preprocess = validator.preprocess

            def preprocess(batch: dict[str, Any]) -> dict[str, Any]:
                batch = base_preprocess(batch)
                batch["img"] = _resized(batch["img"], recipe.side_at(self.epoch) / max(recipe.size))
                return batch

            validator.preprocess = preprocess  # validated at the current training size
            return validator

        def final_eval(self) -> None:
            """Does nothing: every epoch was validated."""

    data = folder / "data.yaml"
    content = {"path": str(scenes.resolve()), "train": "images/train", "val": "images/val", "names": list(CLASSES)}
    write_bytes(data, json.dumps(content).encode())  # JSON is YAML
    device = recipe.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    overrides = {
        "model": f"{recipe.network}.yaml",
        "data": str(data),
        "epochs": sum(recipe.epochs),
        "imgsz": max(recipe.size),
        "batch": recipe.batch,
        "nbs": recipe.batch,  # one optimiser step per batch
        "single_cls": recipe.merge_classes,
        "optimizer": recipe.optimizer,
        "lr0": recipe.lr,
        "weight_decay": recipe.weight_decay,
        "warmup_epochs": recipe.warmup_epochs,
        "cos_lr": True,
        "seed": recipe.seed,
        "device": device if device == "cpu" else 0,
        "workers": thread_count(),
        "save_dir": str(folder),
        "exist_ok": True,
        "patience": 0,
        "pretrained": False,
        "amp": False,  # its check would download a network
        "plots": False,
        "verbose": False,
        # augmentations that would paste images or add borders without labels
        **dict.fromkeys(
            ("mosaic", "mixup", "cutmix", "copy_paste", "close_mosaic", "erasing", "scale", "translate"), 0
        ),
        **{"fliplr": 0.5, "flipud": 0.5, "hsv_h": 0.015, "hsv_s": 0.5, "hsv_v": 0.3},
    }
    if checkpoint:
        overrides |= {"resume": str(checkpoint)}
    trainer = Trainer(overrides=overrides)
    if recipe.weights and not checkpoint:
        trainer.model = _initial_network(recipe, settings)
    return trainer


def _resized(images: torch.Tensor, factor: float) -> torch.Tensor:
    """Resizes (n, 3, h, w) images to sides that are multiples of 32; boxes are relative and need no change."""
    if factor == 1:
        return images
    size = [max(32, round(side * factor / 32) * 32) for side in images.shape[2:]]
    return torch.nn.functional.interpolate(images, size=size, mode="bilinear", align_corners=False, antialias=True)


def _initial_network(recipe: DetectorRecipe, settings: Path) -> Any:
    """The network with its initial weights.

    Raises:
        InputError: the weights have a different architecture or class list, or cannot be read.
    """
    assert recipe.weights is not None, "checked by the callers"
    names, path = _names(recipe), Path(recipe.weights)
    model = detection_model(settings, recipe.network, len(names))
    if path.suffix != ".pt":
        fill(model, path, names, recipe.network)
        return model
    state = read_pickled(settings, path).state_dict()
    if {name: tensor.shape for name, tensor in state.items()} != {n: t.shape for n, t in model.state_dict().items()}:
        raise InputError(
            f"weights={path}: do not match {recipe.network} with {len(names)} class(es): use other weights or change network"
        )
    model.load_state_dict(state)
    return model


def _names(recipe: DetectorRecipe) -> tuple[str, ...]:
    return MERGED if recipe.merge_classes else CLASSES


def _watch(
    trainer: Any,
    recipe: DetectorRecipe,
    folder: Path,
    state: _Progress,
    record: Callable[[Figures, int], None],
    about: Mapping[str, object],
) -> None:
    """Adds the trainer callbacks for progress, metrics, exports and checkpoints."""
    total = sum(recipe.epochs)
    bar: list[Any] = []

    def begin(trainer: Any) -> None:
        batches = len(trainer.train_loader)
        left = batches * (total - trainer.start_epoch)
        bar.append(iter(track(range(left), left, "training the detector", "batches")))

    def step(trainer: Any) -> None:
        next(bar[0], None)

    def judged(trainer: Any) -> None:
        epoch = trainer.epoch + 1
        figures = _figures(trainer)
        if not state.best or figures["map50_95"] > state.best["map50_95"]:
            state.best, state.best_epoch = figures, epoch
            card = {
                "network": recipe.network,
                "classes": list(_names(recipe)),
                "size": recipe.side_at(epoch - 1),
                "recipe": recipe.as_plain(),
                "epoch": epoch,
                "figures": {name: round(value, 4) for name, value in figures.items()},
                **about,
            }
            write_weights(trainer.ema.ema, weights_file(folder, epoch), card)
        state.epoch = epoch
        record(figures, epoch)
        _keep(Path(trainer.last), folder, state)
        announce(
            f"epoch {epoch} of {total} at {recipe.side_at(epoch - 1)} px: mAP50 {figures['map50']:.4f}, mAP50-95 "
            f"{figures['map50_95']:.4f}, precision {figures['box_precision']:.4f}, recall {figures['box_recall']:.4f}"
        )

    def end(trainer: Any) -> None:
        for _ in bar[0]:
            pass

    trainer.add_callback("on_train_start", begin)
    trainer.add_callback("on_train_batch_end", step)
    trainer.add_callback("on_fit_epoch_end", judged)
    trainer.add_callback("on_train_end", end)


def _figures(trainer: Any) -> Figures:
    """An epoch's metrics over all classes, and per class if there are several (`CLASS/map50`)."""
    found = trainer.validator.metrics
    names = ("box_precision", "box_recall", "map50", "map50_95")
    figures = {name: float(value) for name, value in zip(names, found.mean_results(), strict=False)}
    if len(found.names) > 1:
        for place, number in enumerate(found.ap_class_index):
            values = zip(names, found.class_result(place), strict=False)
            figures |= {f"{found.names[int(number)]}/{name}": float(value) for name, value in values}
    figures["loss"] = float(sum(trainer.tloss.values()))
    figures["learning_rate"] = float(trainer.optimizer.param_groups[0]["lr"])
    return figures


def _keep(last: Path, folder: Path, state: _Progress) -> None:
    """Copies the library's checkpoint, which is not written atomically, to a new file atomically, and records its hash."""
    digest = hash_file(last)
    path = folder / f"checkpoint-{digest[:12]}.pt"
    with atomic_path(path) as temporary:
        shutil.copyfile(last, temporary)
    noted = {"epoch": state.epoch, "best_epoch": state.best_epoch, "best": state.best}
    write_json(folder / _CHECKPOINT, {"file": path.name, "sha256": digest, **noted})
    kept = {path, weights_file(folder, state.best_epoch), weights_file(folder, state.best_epoch).with_suffix(".json")}
    for old in [*folder.glob("checkpoint-*.pt"), *folder.glob("epoch-*.*")]:
        if old not in kept:
            old.unlink()
