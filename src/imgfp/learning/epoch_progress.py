"""Loss and speed of the current epoch: the points of the curves, and the line that reports the epoch."""

import math
import time
from collections.abc import Mapping

from imgfp.learning.history import History
from imgfp.learning.recorder import Figures

_POINTS_PER_EPOCH = 20  # of the curves


class EpochProgress:
    """Collects an epoch's losses from the moment it is created."""

    def __init__(self, batches: int) -> None:
        """`batches`: per epoch, in this process."""
        self._batches_per_point = max(batches // _POINTS_PER_EPOCH, 1)
        self._losses: list[float] = []
        self._images = self._images_before = 0
        self._started = self._point_started = time.monotonic()

    def add(self, loss: float, images: int, learning_rate: float) -> Figures | None:
        """Adds a batch (`images`: of all processes); the figures of a point of the curves where one is due."""
        self._losses.append(loss)
        self._images += images
        if len(self._losses) % self._batches_per_point:
            return None
        now, recent = time.monotonic(), self._losses[-self._batches_per_point :]
        rate = (self._images - self._images_before) / max(now - self._point_started, 1e-9)
        self._point_started, self._images_before = now, self._images
        return {"loss": math.fsum(recent) / len(recent), "learning_rate": learning_rate, "images_per_second": rate}

    @property
    def seconds(self) -> float:
        """Since the epoch started."""
        return time.monotonic() - self._started

    def report(
        self, epoch: int, epochs: int, seconds: float, history: History, validation: Mapping[str, float | None]
    ) -> str:
        """One line. `epoch` counts from 1; `seconds`: of the steps; `validation`: the figures of the last one."""
        parts = [f"loss {math.fsum(self._losses) / len(self._losses):.4f}"] if self._losses else []
        parts.append(f"{self._images / max(seconds, 1e-9):.0f} images/s")
        if history.epochs[-1:] == [epoch]:
            shown = [(name, validation.get(name)) for name in ("uap", "normalised/uap")]
            parts += [f"{name} {value:.4f}" for name, value in shown if value is not None]
            parts.append(f"best uap {max(history.uap):.4f} after epoch {history.best_epoch}")
        return f"epoch {epoch}/{epochs}: {', '.join(parts)}"
