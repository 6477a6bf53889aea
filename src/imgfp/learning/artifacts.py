"""What a training leaves behind. Without Lightning, which takes seconds to import: a finished training needs none."""

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
    """The loss is no number any more: these settings cannot be trained with."""


@dataclass(frozen=True)
class Trained:
    """What a training left behind. `best`: the exported weights of the highest uAP (None without validation)."""

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
        """With the best weights, their figures and, where they are not given, the failures as they lie in the folder.

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
            f"{card}: missing or damaged, it does not say how good the best weights are: train again with resume=false"
        ) from None


def _failures(path: Path) -> tuple[Failure, ...]:
    """As `write_failures` lists them; none where it wrote no file."""
    if not path.exists():
        return ()
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(Failure(Path(row["path"]), row["reason"]) for row in csv.DictReader(file))
