"""What happens around the training steps: validation, export, failures, early stopping, the checkpoint to resume from."""

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import WeightAveraging

from imgfp.encoders import encoder_from_network
from imgfp.files import atomic_path
from imgfp.images import Failure, write_failures
from imgfp.learning.artifacts import LAST, Diverged, keep_baseline
from imgfp.learning.averaging import averaged
from imgfp.learning.data import Batch, TrainingData
from imgfp.learning.distributed import gather_texts
from imgfp.learning.divergence import diverged, learning_rate
from imgfp.learning.epoch_progress import EpochProgress, shown_figures
from imgfp.learning.exports import export_validated
from imgfp.learning.history import History
from imgfp.learning.module import DescriptorTraining
from imgfp.learning.recipe import Recipe
from imgfp.learning.recorder import Recorder
from imgfp.learning.trainer import validation_precision
from imgfp.learning.validate import JudgedSet, require_finite, validate
from imgfp.progress import advance, announce, note, track

_CHECKED = 4  # images whose descriptors must be finite at the end of an epoch


class TrainingCallback(pl.Callback):
    """Ends every epoch in this order: validate, export, report, save `last.ckpt`. A killed run repeats one epoch at most.

    Attributes:
        history: uAP of every validation of trained weights.
        stopped: Whether training stopped because uAP did not improve.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: TrainingData,
        judged: JudgedSet | None,
        folder: Path,
        recorder: Recorder,
        about: Mapping[str, object],
        averaging: WeightAveraging | None,
    ) -> None:
        """`about`: further entries of the model cards; `averaging`: whose weights are validated and exported."""
        self.recipe, self.data, self.judged, self.folder, self.recorder = recipe, data, judged, folder, recorder
        self.about, self.averaging = dict(about), averaging
        self.history = History()
        self.stopped = False
        self._validation: dict[str, float | None] = {}  # figures of the last one
        self._failed: dict[str, str] = {}  # path: reason
        self._bar: Iterator[int] = iter(())
        self._last_batch: Batch | None = None
        self._epoch = self._new_epoch(0)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Photographs that could not be used so far."""
        return tuple(Failure(Path(path), reason) for path, reason in sorted(self._failed.items()))

    def state_dict(self) -> dict[str, Any]:
        """Saved in the checkpoint."""
        return {
            "history": self.history.as_plain(),
            "stopped": self.stopped,
            "failed": dict(self._failed),
            "mining": self.data.state_dict(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restored from the checkpoint."""
        self.history = History.from_plain(state_dict["history"])
        self.stopped, self._failed = state_dict["stopped"], dict(state_dict["failed"])
        self.data.load_state_dict(state_dict["mining"])

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Validates the untrained network; opens the progress line."""
        # killed after it was decided to stop
        trainer.should_stop = trainer.should_stop or self.stopped or self.recorder.stop()
        if trainer.current_epoch == 0 and self.recipe.validation.start:
            self._validate_untrained(trainer, pl_module)
        left = (self.recipe.total_epochs - trainer.current_epoch) * self.data.images_per_epoch
        if trainer.is_global_zero:
            self._bar = track(itertools.count(), left, "training", weight=0)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Counts from here."""
        self._epoch = self._new_epoch(trainer.current_epoch)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Progress, curves, the table that hard negatives are mined from; stops where the loss is not finite."""
        loss = float(outputs["loss"]) * trainer.accumulate_grad_batches  # which Lightning has divided it by
        if not math.isfinite(loss):
            raise diverged(trainer, self.folder, f"the loss became {loss}")
        self._last_batch = batch if len(batch.pixels) else self._last_batch
        self.data.collect(batch, outputs["descriptors"])
        self._note_failures(batch.failures)
        images = len(batch.pixels) * trainer.world_size
        next(self._bar, None)
        advance(images)
        point = self._epoch.add(loss, images, learning_rate(trainer))
        note(self._epoch.status())
        if point is not None and trainer.is_global_zero:
            self.recorder.figures(point, trainer.global_step)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Validates where it is due, reports, saves."""
        seconds = self._epoch.seconds
        epoch = trainer.current_epoch + 1
        every, patience = self.recipe.validation.every_n_epochs, self.recipe.validation.patience
        with averaged(self.averaging, trainer, pl_module) as module:
            self._check_descriptors(trainer, module)
            self.data.end_epoch()
            for failures in gather_texts(json.dumps(sorted(self._failed.items()))):
                self._failed |= dict(json.loads(failures))
            if every and (epoch % every == 0 or epoch == self.recipe.total_epochs):
                self._validate(trainer, module, epoch)
                # not Lightning's EarlyStopping: it counts epochs, not validations, and a run that is killed after the
                # decision to stop would resume and train another epoch
                exhausted = self.history.exhausted(patience)  # only the first process knows
                self.stopped = trainer.strategy.reduce_boolean_decision(exhausted, all=False)
                # one that others end may be resumed for its own sake: its checkpoint does not say that it is over
                trainer.should_stop = trainer.should_stop or self.stopped or self.recorder.stop()
        if trainer.is_global_zero:
            ended = {"failed_images": float(len(self._failed)), "epoch": float(epoch)}
            self.recorder.figures(ended, trainer.global_step)
            write_failures(self.folder / "failures.csv", self.failures)
            announce(self._epoch.report(seconds, self.history, self._validation))
        self._save(trainer)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """The progress line ends before anything else is printed."""
        self._bar = iter(())

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """So it does where the training fails."""
        self._bar = iter(())

    def _validate_untrained(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A baseline, in the first process: it is no checkpoint, and neither the best nor what patience compares with."""
        if self.judged is None or not trainer.is_global_zero:
            return
        with averaged(self.averaging, trainer, pl_module) as module:
            figures = self._figures(trainer, module, self.judged, 0)
        keep_baseline(self.folder, figures)
        self.recorder.baseline(figures)
        announce(f"baseline (untrained): {', '.join(shown_figures(figures))}")

    def _validate(self, trainer: pl.Trainer, module: DescriptorTraining, epoch: int) -> None:
        """In the first process, while the others wait."""
        if self.judged is None or not trainer.is_global_zero:
            return
        self._validation = self._figures(trainer, module, self.judged, epoch - 1)
        self.history.add(epoch, float(self._validation["uap"] or 0.0))
        size = self.recipe.size_of_epoch(epoch - 1)
        card = {"size": size, "epoch": epoch, "recipe": self.recipe.as_plain(), "figures": self._validation}
        keep = self.recipe.validation.keep
        export_validated(
            module.network, self.folder, card | self.about, self.history, self.recorder, trainer.global_step, keep
        )

    def _figures(
        self, trainer: pl.Trainer, module: DescriptorTraining, judged: JudgedSet, epoch: int
    ) -> dict[str, float | None]:
        """Of the module as it is, at the image size of an epoch, counted from 0."""
        try:
            precision = validation_precision(self.recipe.trainer)
            figures, failures = validate(module.network, judged, self.recipe.size_of_epoch(epoch), precision)
        except Diverged as error:
            raise diverged(trainer, self.folder, str(error)) from None
        self._note_failures([(str(failure.path), failure.reason) for failure in failures])
        return figures

    def _save(self, trainer: pl.Trainer) -> None:
        path = self.folder / LAST
        if not trainer.is_global_zero:
            trainer.save_checkpoint(path)  # every process must call it; only the first writes
            return
        with atomic_path(path) as temporary:
            trainer.save_checkpoint(temporary)

    def _new_epoch(self, epoch: int) -> EpochProgress:
        """`epoch` counts from 0."""
        return EpochProgress(epoch + 1, self.recipe.total_epochs, self.data.batches_per_epoch)

    def _note_failures(self, failures: Sequence[tuple[str, str]]) -> None:
        """Reports each image that cannot be used once."""
        for path, reason in failures:
            if path not in self._failed:
                self._failed[path] = reason
                announce(f"left out: {path}: {reason}")

    def _check_descriptors(self, trainer: pl.Trainer, module: DescriptorTraining) -> None:
        """The last step may have made the weights useless, while its loss was still finite: such weights are not saved."""
        if self._last_batch is None:
            return
        pixels = self._last_batch.pixels[:_CHECKED].permute(0, 2, 3, 1).cpu().numpy()
        try:
            require_finite(encoder_from_network(module.network, pixels.shape[1]).encode(pixels))
        except Diverged as error:
            raise diverged(trainer, self.folder, str(error)) from None
