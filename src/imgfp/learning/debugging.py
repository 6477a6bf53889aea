"""What tells whether a training works at all: whether it can overfit a few images, and where the time of its steps goes."""

import math
import os
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.profilers import PyTorchProfiler

from imgfp.learning.data import Batch
from imgfp.progress import announce

OVERFIT = 0.05  # of the first loss: what is left where a network has learned its batches by heart
_WARMUP, _RECORDED = 2, 5  # steps: the first ones prepare libraries and memory
_ROWS = 40  # of the table
_TABLE, _TRACE = "fit-steps.txt", "steps.json"  # Lightning adds the first part


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
    said = f"the loss went from {first:.4g} to {last:.4g} in {len(losses)} steps"
    if min(first, last) < 0:
        return f"overfit: unknown: {said}: a loss that may be negative does not show it"
    if last <= OVERFIT * first:
        return f"overfit: yes: {said}"
    return (
        f"overfit: no: {said}, must be <= {OVERFIT * first:.4g}: give more steps (epochs=N), another "
        "optimizer.lr, or look at the images (show=16) and the loss"
    )


def create_profiler(folder: Path) -> PyTorchProfiler:
    """Lightning's profiler: after a warm-up a few steps are recorded, as a table and a trace in `folder`."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # it reports on standard error that there is no GPU
    from torch.profiler import profile, schedule

    folder.mkdir(parents=True, exist_ok=True)

    def write(recorded: profile) -> None:
        recorded.export_chrome_trace(str(folder / _TRACE))

    return PyTorchProfiler(
        dirpath=folder,
        filename="steps",
        schedule=schedule(wait=1, warmup=_WARMUP, active=_RECORDED, repeat=1),
        on_trace_ready=write,
        row_limit=_ROWS,
        sort_by_key="cpu_time_total",
        record_module_names=False,
        table_kwargs={"max_name_column_width": 80},
    )


def tell_profile(folder: Path) -> None:
    """Where the profiler has written."""
    trace = folder / _TRACE
    if not trace.exists():
        announce(f"profile: fewer than {1 + _WARMUP + _RECORDED} steps were made, none was recorded: give more")
        return
    announce(f"profile: {folder / _TABLE}: time by operation, of {_RECORDED} steps")
    announce(f"profile: {trace}: their timeline, for https://ui.perfetto.dev or chrome://tracing")
