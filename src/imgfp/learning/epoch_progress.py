"""Loss and speed of the current epoch: the points of the curves, the text beside the bar, the line that reports the epoch."""

import math
import time
from collections.abc import Mapping

from imgfp.learning.history import History
from imgfp.learning.recorder import Figures

_POINTS_PER_EPOCH = 20  # of the curves
_SHOWN = ("uap", "recall_at_1", "normalised/uap")


def shown_figures(figures: Figures) -> list[str]:
    """Names and values of those figures that fit into a line with others."""
    found = [(name, figures.get(name)) for name in _SHOWN]
    return [f"{name} {value:.4f}" for name, value in found if value is not None]


class EpochProgress:
    """Collects an epoch's losses from the moment it is created."""

    def __init__(self, epoch: int, epochs: int, batches: int) -> None:
        """`epoch` counts from 1; `batches`: per epoch, in this process."""
        self._epoch, self._epochs, self._batches = epoch, epochs, batches
        self._batches_per_point = max(batches // _POINTS_PER_EPOCH, 1)
        self._losses: list[float] = []
        self._images = self._images_before = 0
        self._learning_rate = 0.0
        self._started = self._point_started = time.monotonic()

    def add(self, loss: float, images: int, learning_rate: float) -> Figures | None:
        """Adds a batch (`images`: of all processes); the figures of a point of the curves where one is due."""
        self._losses.append(loss)
        self._images += images
        self._learning_rate = learning_rate
        if len(self._losses) % self._batches_per_point:
            return None
        now = time.monotonic()
        rate = (self._images - self._images_before) / max(now - self._point_started, 1e-9)
        self._point_started, self._images_before = now, self._images
        return {
            "loss": self._recent_loss(),
            "learning_rate": learning_rate,
            "images_per_second": rate,
            "epoch": self._epoch - 1 + len(self._losses) / self._batches,
        }

    @property
    def seconds(self) -> float:
        """Since the epoch started."""
        return time.monotonic() - self._started

    def status(self) -> str:
        """For the progress bar, after a batch: epoch, loss over the last batches, learning rate."""
        return f"epoch {self._epoch}/{self._epochs}, loss {self._recent_loss():.4f}, lr {self._learning_rate:.2g}"

    def report(self, seconds: float, history: History, validation: Mapping[str, float | None]) -> str:
        """One line. `seconds`: of the steps; `validation`: the figures of the last one."""
        validated = history.epochs[-1:] == [self._epoch]
        parts = shown_figures(validation) if validated else []
        parts += [f"loss {math.fsum(self._losses) / len(self._losses):.4f}"] if self._losses else []
        parts.append(f"{self._images / max(seconds, 1e-9):.3g} images/s")
        best = f"; best uap {max(history.uap):.4f} (epoch {history.best_epoch})" if validated else ""
        return f"epoch {self._epoch}/{self._epochs}: {', '.join(parts)}{best}"

    def _recent_loss(self) -> float:
        recent = self._losses[-self._batches_per_point :]
        return math.fsum(recent) / len(recent)
