"""What a training leaves behind. Without Lightning, which takes seconds to import: a finished training needs none."""

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
    def read(cls, folder: Path, epochs: int, stopped_early: bool, failures: tuple[Failure, ...] = ()) -> "Trained":
        """With the best weights and their figures as they lie in the folder."""
        best = folder / f"{BEST}.safetensors"
        figures = json.loads(best.with_suffix(".json").read_text())["figures"] if best.exists() else {}
        return cls(folder, best if best.exists() else None, figures, epochs, stopped_early, failures)
