"""The results of a training. Without Lightning, which takes seconds to import and which a finished run does not need."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imgfp.errors import InputError
from imgfp.images import Failure

LAST = "last.ckpt"
BEST = "best"


class Diverged(InputError):
    """The loss or the descriptors are no longer finite: these settings cannot be trained with."""


@dataclass(frozen=True)
class Trained:
    """The results of a training. `best`: the exported weights of the highest uAP (None without validation)."""

    folder: Path
    best: Path | None
    figures: Mapping[str, float | None]
    epochs: int
    stopped_early: bool
    failures: tuple[Failure, ...]

    @classmethod
    def read(
        cls, folder: Path, epochs: int, stopped_early: bool, failures: tuple[Failure, ...] | None = None
    ) -> "Trained":
        """From the folder: the best weights, their figures and, unless they are given, the failures.

        Raises:
            InputError: the card of the best weights cannot be read.
        """
        best = folder / f"{BEST}.safetensors"
        figures = _figures(best.with_suffix(".json")) if best.exists() else {}
        failures = _failures(folder / "failures.csv") if failures is None else failures
        return cls(folder, best if best.exists() else None, figures, epochs, stopped_early, failures)


def _figures(card: Path) -> dict[str, float | None]:
    try:
        return dict(json.loads(card.read_bytes())["figures"])
    except (OSError, ValueError, TypeError, KeyError):
        raise InputError(
            f"{card}: missing or damaged, the figures of the best weights are unknown: train again with resume=false"
        ) from None


def _failures(path: Path) -> tuple[Failure, ...]:
    """As written by `write_failures`; none where there is no file."""
    if not path.exists():
        return ()
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(Failure(Path(row["path"]), row["reason"]) for row in csv.DictReader(file))
