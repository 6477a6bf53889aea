"""What tells whether a training works at all: whether it can overfit a few images, and where the time of its steps goes."""

import math
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.profilers import PyTorchProfiler

from imgfp.learning.data import Batch
from imgfp.progress import announce

OVERFIT = 0.05  # of the first loss: what is left where a network has learned its batches by heart
_WARMUP, _RECORDED = 2, 5  # steps: the first ones prepare libraries and memory
_ROWS = 40  # of the table


class OverfitCheck(pl.Callback):
    """Compares the last losses with the first, of batches that come again and again; says at the end what came of it."""

    def __init__(self, batches: int) -> None:
        """`batches`: how many different ones there are."""
        self._batches = batches
        self._losses: list[float] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Remembers the loss."""
        self._losses.append(float(outputs["loss"]) * trainer.accumulate_grad_batches)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """One line."""
        if trainer.is_global_zero and len(self._losses) > self._batches:
            announce(verdict(self._losses, self._batches))


def verdict(losses: list[float], batches: int) -> str:
    """Whether the mean loss of the last `batches` steps is nearly nothing beside that of the first."""
    first, last = (math.fsum(part) / len(part) for part in (losses[:batches], losses[-batches:]))
    learned = last <= OVERFIT * max(first, 0.0)
    said = f"the loss went from {first:.4g} to {last:.4g} in {len(losses)} steps"
    if learned:
        return f"overfit: yes: {said}"
    return (
        f"overfit: no: {said}, wanted <= {OVERFIT * max(first, 0.0):.4g}: give more steps (epochs=N), another "
        "optimizer.lr, or look at the images (show=16) and the loss"
    )


def create_profiler(folder: Path) -> PyTorchProfiler:
    """Lightning's profiler: after a warm-up a few steps are recorded, as a table and a trace in `folder`."""
    from torch.profiler import schedule

    return PyTorchProfiler(
        dirpath=folder,
        filename="steps",
        schedule=schedule(wait=1, warmup=_WARMUP, active=_RECORDED, repeat=1),
        row_limit=_ROWS,
        sort_by_key="cpu_time_total",
        record_module_names=False,
    )


def tell_profile(folder: Path) -> None:
    """Where the profiler has written."""
    traces = sorted(folder.glob("*.json"))
    tables = sorted(folder.glob("*.txt"))
    if tables:
        announce(f"profile: {tables[-1]}: time by operation of {_RECORDED} steps")
    if traces:
        announce(f"profile: {traces[-1]}: trace; open it at https://ui.perfetto.dev or chrome://tracing")
    if not traces:
        announce(f"profile: fewer than {1 + _WARMUP + _RECORDED} steps were made, none was recorded: give more")
