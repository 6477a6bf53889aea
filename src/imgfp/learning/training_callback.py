"""What happens around the steps: progress, figures, validation, checkpoints. The only callback of a training."""

import itertools
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from imgfp.encoders import encoder_from_network, export_network
from imgfp.files import atomic_path
from imgfp.images import Failure, write_failures
from imgfp.learning.artifacts import BEST, LAST, Diverged
from imgfp.learning.data import Batch, TrainingData
from imgfp.learning.distributed import gather_texts
from imgfp.learning.history import History
from imgfp.learning.module import DescriptorTraining
from imgfp.learning.recipe import Recipe
from imgfp.learning.recorder import Figures, Recorder
from imgfp.learning.validate import JudgedSet, require_finite, validate
from imgfp.progress import advance, announce, track

_POINTS_AN_EPOCH = 20  # of the curves
_CHECKED = 4  # pictures whose descriptors must be numbers at an epoch's end


class TrainingCallback(pl.Callback):
    """Ends every epoch in this order: validate, export, report, save `last.ckpt`. A killed run repeats one epoch at most.

    Attributes:
        history: uAP of every validation.
        latest: Figures of the last validation.
        stopped: Whether training stopped because nothing got better.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: TrainingData,
        judged: JudgedSet | None,
        folder: Path,
        recorder: Recorder,
        about: Mapping[str, object],
    ) -> None:
        """`about`: what the card of an exported checkpoint says beside recipe and figures."""
        self.recipe, self.data, self.judged, self.folder, self.recorder = recipe, data, judged, folder, recorder
        self.about = dict(about)
        self.history = History()
        self.latest: dict[str, float | None] = {}
        self.stopped = False
        self._failed: dict[str, str] = {}  # path: reason
        self._bar: Iterator[int] = iter(())
        self._last_batch: Batch | None = None
        self._start_epoch_counts()

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Photographs that could not be used so far."""
        return tuple(Failure(Path(path), reason) for path, reason in sorted(self._failed.items()))

    def state_dict(self) -> dict[str, Any]:
        """Travels in the checkpoint."""
        return {
            "history": self.history.as_plain(),
            "stopped": self.stopped,
            "failed": dict(self._failed),
            "mining": self.data.state_dict(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Back from the checkpoint."""
        self.history = History.from_plain(state_dict["history"])
        self.stopped, self._failed = state_dict["stopped"], dict(state_dict["failed"])
        self.data.load_state_dict(state_dict["mining"])

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Judges the untrained network; opens the progress line."""
        assert isinstance(pl_module, DescriptorTraining)
        trainer.should_stop = trainer.should_stop or self.stopped  # killed after it was decided to stop
        if trainer.current_epoch == 0 and self.recipe.validation.start:
            self._validate(trainer, pl_module, 0)
        left = (self.recipe.total_epochs - trainer.current_epoch) * self.data.pictures_an_epoch
        if trainer.is_global_zero:
            self._bar = track(itertools.count(), left, "training", weight=0)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Counts from here."""
        self._start_epoch_counts()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Progress, curves, the table that hard negatives are mined from; stops where the loss is no number."""
        loss = float(outputs["loss"]) * trainer.accumulate_grad_batches  # which Lightning has divided it by
        if not math.isfinite(loss):
            raise self._diverged(trainer, f"the loss became {loss}")
        self._last_batch = batch if len(batch.pixels) else self._last_batch
        self.data.collect(batch, outputs["descriptors"])
        self._note_failures(batch.failures)
        self._losses.append(loss)
        self._pictures += len(batch.pixels) * trainer.world_size
        next(self._bar, None)
        advance(len(batch.pixels) * trainer.world_size)
        self._point(trainer, pl_module, batch_idx)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Validates where it is time, reports, saves."""
        assert isinstance(pl_module, DescriptorTraining)
        seconds = time.monotonic() - self._since
        passed = trainer.current_epoch + 1
        self._check_descriptors(trainer, pl_module)
        self.data.end_epoch()
        for failures in gather_texts(json.dumps(sorted(self._failed.items()))):
            self._failed |= dict(json.loads(failures))
        config = self.recipe.validation
        last = passed == self.recipe.total_epochs
        if config.every_n_epochs and (passed % config.every_n_epochs == 0 or last):
            self._validate(trainer, pl_module, passed)
            worn_out = self.history.exhausted(config.patience)  # known to the first process alone
            self.stopped = trainer.strategy.reduce_boolean_decision(worn_out, all=False)
            trainer.should_stop = trainer.should_stop or self.stopped
        if trainer.is_global_zero:
            self.recorder.figures({"failed_images": float(len(self._failed))}, trainer.global_step)
            write_failures(self.folder / "failures.csv", self.failures)
            self._tell(passed, seconds)
        self._save(trainer)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """The progress line ends before anything else is printed."""
        self._bar = iter(())

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """So it does where the training fails."""
        self._bar = iter(())

    def _validate(self, trainer: pl.Trainer, module: DescriptorTraining, passed: int) -> None:
        """On the first process, while the others wait."""
        if self.judged is not None and trainer.is_global_zero:
            network = module.judged_network()
            size = self.recipe.size_of_epoch(max(passed - 1, 0))
            try:
                self.latest, failures = validate(network, self.judged, size)
            except Diverged as error:
                raise self._diverged(trainer, str(error)) from None
            self._note_failures([(str(failure.path), failure.reason) for failure in failures])
            self.history.add(passed, float(self.latest["uap"] or 0.0))
            weights = self.folder / f"epoch-{passed:03d}.safetensors"
            card = {
                "size": size,
                "epoch": passed,
                "recipe": self.recipe.as_plain(),
                "figures": self.latest,
                **self.about,
            }
            export_network(network, weights, card)
            self.recorder.checkpoint(weights, weights.with_suffix(".json"), self.latest, trainer.global_step)
            self._remove_worse()

    def _remove_worse(self) -> None:
        """Keeps the best exports and the last one; `best.safetensors` and `best.json` are links to the best."""
        kept = self.history.kept(self.recipe.validation.keep)
        for weights in sorted(self.folder.glob("epoch-*.safetensors")):
            if int(weights.stem.removeprefix("epoch-")) not in kept:
                weights.unlink()
                weights.with_suffix(".json").unlink(missing_ok=True)
                self.recorder.removed(weights, f"not among the best {self.recipe.validation.keep}")
        for suffix in (".safetensors", ".json"):
            link, temporary = self.folder / f"{BEST}{suffix}", self.folder / f".{BEST}{suffix}"
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(f"epoch-{self.history.best_epoch:03d}{suffix}")
            temporary.replace(link)

    def _save(self, trainer: pl.Trainer) -> None:
        path = self.folder / LAST
        if not trainer.is_global_zero:
            trainer.save_checkpoint(path)  # every process must call it; only the first writes
            return
        with atomic_path(path) as temporary:
            trainer.save_checkpoint(temporary)

    def _start_epoch_counts(self) -> None:
        self._losses: list[float] = []
        self._pictures = 0
        self._since = self._point_since = time.monotonic()
        self._point_pictures = 0

    def _point(self, trainer: pl.Trainer, module: pl.LightningModule, batch_idx: int) -> None:
        """One point of the curves, about 20 an epoch."""
        every = max(self.data.batches_an_epoch // _POINTS_AN_EPOCH, 1)
        if (batch_idx + 1) % every or not trainer.is_global_zero:
            return
        now = time.monotonic()
        recent = self._losses[-every:]
        figures: Figures = {
            "loss": math.fsum(recent) / len(recent),
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "images_per_second": (self._pictures - self._point_pictures) / max(now - self._point_since, 1e-9),
        }
        self._point_since, self._point_pictures = now, self._pictures
        self.recorder.figures(figures, trainer.global_step)

    def _tell(self, passed: int, seconds: float) -> None:
        """One line an epoch."""
        parts = [f"epoch {passed}/{self.recipe.total_epochs}"]
        if self._losses:
            parts.append(f"loss {math.fsum(self._losses) / len(self._losses):.4f}")
        parts.append(f"{self._pictures / max(seconds, 1e-9):.0f} images/s")
        if self.history.epochs and self.history.epochs[-1] == passed:
            best = self.history.best_epoch
            parts.append(
                ", ".join(
                    f"{name} {self.latest[name]:.4f}"
                    for name in ("uap", "normalised/uap")
                    if self.latest.get(name) is not None
                )
            )
            parts.append(f"best uap {max(self.history.uap):.4f} after epoch {best}")
        announce(": ".join([parts[0], ", ".join(parts[1:])]))

    def _note_failures(self, failures: Sequence[tuple[str, str]]) -> None:
        """Tells each picture that cannot be used once."""
        for path, reason in failures:
            if path not in self._failed:
                self._failed[path] = reason
                announce(f"left out: {path}: {reason}")

    def _check_descriptors(self, trainer: pl.Trainer, module: DescriptorTraining) -> None:
        """The last step may have moved the weights to where nothing can be computed: such weights are not saved."""
        if self._last_batch is None:
            return
        pixels = self._last_batch.pixels[:_CHECKED].permute(0, 2, 3, 1).cpu().numpy()
        try:
            require_finite(encoder_from_network(module.judged_network(), pixels.shape[1]).encode(pixels))
        except Diverged as error:
            raise self._diverged(trainer, str(error)) from None

    def _diverged(self, trainer: pl.Trainer, what: str) -> Diverged:
        last, start = self.folder / LAST, self.folder / "epoch-000.safetensors"
        good = next((path for path in (last, start) if path.exists()), None)
        return Diverged(
            f"{what} in epoch {trainer.current_epoch + 1} at step {trainer.global_step}: "
            f"{f'the last good checkpoint is {good}' if good else 'no checkpoint was made before it'}; "
            f"lower optimizer.lr (now {trainer.optimizers[0].param_groups[0]['lr']:g}) or set trainer.gradient_clip_val, then start again"
        )
