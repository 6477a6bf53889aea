"""The results of a training. Without Lightning, which takes seconds to import and which a finished run does not need."""

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path

from imgfp.errors import InputError
from imgfp.files import write_json
from imgfp.images import Failure
from imgfp.learning.recorder import Figures

LAST = "last.ckpt"
BEST = "best"
_BASELINE = "baseline.json"


class Diverged(InputError):
    """The loss or the descriptors are no longer finite: these settings cannot be trained with."""


@dataclass(frozen=True)
class Trained:
    """The results of a training.

    Attributes:
        best: The exported weights of the highest uAP (None without validation), never those of the untrained network.
        figures: Of the best weights.
        best_epoch: After which the best weights were exported, counted from 1.
        baseline: The figures of the untrained network; empty where it was not validated.
    """

    folder: Path
    best: Path | None
    figures: Figures
    epochs: int
    stopped_early: bool
    failures: tuple[Failure, ...]
    best_epoch: int | None = None
    baseline: Figures = field(default_factory=dict)

    @classmethod
    def read(
        cls, folder: Path, epochs: int, stopped_early: bool, failures: tuple[Failure, ...] | None = None
    ) -> "Trained":
        """From the folder: the best weights, their figures and, unless they are given, the failures.

        Raises:
            InputError: the card of the best weights cannot be read.
        """
        best = folder / f"{BEST}.safetensors"
        figures, epoch = read_best(folder) if best.exists() else ({}, None)
        failures = _failures(folder / "failures.csv") if failures is None else failures
        found = best if best.exists() else None
        return cls(folder, found, figures, epochs, stopped_early, failures, epoch, _baseline(folder))

    @property
    def below_baseline(self) -> bool:
        """Whether the untrained network has a higher uAP than every trained one."""
        best, baseline = self.figures.get("uap"), self.baseline.get("uap")
        return best is not None and baseline is not None and best < baseline


def read_best(folder: Path) -> tuple[Figures, int | None]:
    """Figures and epoch of the best weights in a training's folder.

    Raises:
        InputError: their card cannot be read.
    """
    card = folder / f"{BEST}.json"
    try:
        content = json.loads(card.read_bytes())
        return dict(content["figures"]), content.get("epoch")
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise InputError(
            f"{card}: missing or damaged, the figures of the best weights are unknown: train again with resume=false"
        ) from None


def keep_baseline(folder: Path, figures: Figures) -> None:
    """Keeps the figures of the untrained network beside the checkpoints."""
    write_json(folder / _BASELINE, dict(figures))


def _baseline(folder: Path) -> Figures:
    try:
        return dict(json.loads((folder / _BASELINE).read_bytes()))
    except (OSError, ValueError, TypeError):  # not worth failing for: it is only shown
        return {}


def _failures(path: Path) -> tuple[Failure, ...]:
    """As written by `write_failures`; none where there is no file."""
    if not path.exists():
        return ()
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(Failure(Path(row["path"]), row["reason"]) for row in csv.DictReader(file))
