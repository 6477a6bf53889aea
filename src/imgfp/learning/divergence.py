"""The error of a training whose loss or descriptors are no longer finite."""

from pathlib import Path

import pytorch_lightning as pl

from imgfp.learning.artifacts import LAST, Diverged


def diverged(trainer: pl.Trainer, folder: Path, what: str) -> Diverged:
    """Says what is not finite, where that happened, what is left in `folder` and what helps."""
    last = folder / LAST
    good = f"the last good checkpoint is {last}" if last.exists() else "no checkpoint was saved before it"
    return Diverged(
        f"{what} in epoch {trainer.current_epoch + 1} at step {trainer.global_step}: {good}; lower "
        f"optimizer.lr (now {learning_rate(trainer):g}) or set trainer.gradient_clip_val, then start again"
    )


def learning_rate(trainer: pl.Trainer) -> float:
    """Of the next step."""
    return float(trainer.optimizers[0].param_groups[0]["lr"])
