"""The metric names of the project: a metric has the same name in every run, so runs can be compared."""

import difflib
import re
from collections.abc import Iterable

# `normalised/`: the global branch after score normalisation; `held_out/`: on queries not used for model selection;
# then detector classes, subsets of the revisited Oxford and Paris benchmarks, and a matchable ranking before verification
BRANCHES = (
    *("global", "local", "crop", "merged", "normalised", "held_out"),
    *("overlay", "screenshot_content", "collage_tile"),
    *("easy", "medium", "hard", "network"),
)
# of a training: the curve of all validations, the best checkpoint so far, and the untrained network; without one of them a
# figure is the result of its run
STAGES = ("validation", "best", "baseline")
FIGURES = (
    "uap",
    "map",
    "recall_at_1",
    "recall_at_10",
    "recall_at_p90",
    "threshold_at_p90",
    "images_per_second",
    "pairs_per_second",
    "loss",
    "learning_rate",
    "epoch",
    "failed_images",
    "map50",
    "map50_95",
    "box_precision",
    "box_recall",
    # of the parent of a sweep
    "jobs",
    "jobs_finished",
    "jobs_failed",
)
# recall_at_K and map_at_K with any K
_ALLOWED = re.compile(
    rf"((?:{'|'.join(STAGES)})/)?((?:{'|'.join(BRANCHES)})/)?(?:{'|'.join(FIGURES)}|(?:recall|map)_at_[1-9]\d*)"
)
# what identifies a checkpoint where all its figures would be too many
HEADLINES = tuple(f"{branch}{figure}" for branch in ("", "normalised/") for figure in ("uap", "recall_at_1"))


def check_metric_names(names: Iterable[str]) -> None:
    """Accepts the project's metric names, alone or after one of `STAGES`, of `BRANCHES` or both, each with a slash.

    Raises:
        ValueError: an unknown name; the message suggests the closest one.
    """
    for name in names:
        if not _ALLOWED.fullmatch(name):
            known = [*FIGURES, *(f"{branch}/{figure}" for branch in BRANCHES for figure in FIGURES)]
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(FIGURES)}"
            raise ValueError(f"unknown metric {name!r}; {hint}")
