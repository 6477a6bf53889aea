"""The metric names of the project: a metric has the same name in every run, so runs can be compared."""

import difflib
import re
from collections.abc import Iterable

# `normalised/`: the global branch after score normalisation; `selection/`: on the queries that a setting is chosen by;
# `held_out/`: on queries not used for that; then detector classes, subsets of the revisited Oxford and Paris benchmarks, and a matchable ranking before verification
BRANCHES = (
    *("global", "local", "crop", "merged", "normalised", "selection", "held_out"),
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
# what to read first, in this order
HEADLINE = (
    *("uap", "recall_at_1", "recall_at_p90"),
    *("selection/uap", "normalised/uap", "normalised/recall_at_1"),
    *("map", "easy/map", "medium/map", "hard/map", "network/map", "map50", "map50_95", "box_precision", "box_recall"),
)
_LABELS = {
    "uap": "uAP",
    "recall_at_p90": "R@P90",
    "threshold_at_p90": "threshold at P90",
    "map": "mAP",
    "map50": "mAP50",
    "map50_95": "mAP50-95",
}
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


def headline(names: Iterable[str]) -> list[str]:
    """Those of the metrics that are read first, in order: uAP and recall@1, or what a run has in their place."""
    known = set(names)
    at_k = sorted(name for name in known if re.fullmatch(r"(recall|map)_at_[1-9]\d*", name) and name not in HEADLINE)
    first = [name for name in HEADLINE if name in known]
    return first if first and first[0] == "uap" else [*first, *at_k]


def label(name: str) -> str:
    """A metric's name as people write it: "uAP", "recall@1", "uAP (held out)"."""
    branch, _, figure = name.rpartition("/")
    text = _LABELS.get(figure) or re.sub(r"^map_at_", "mAP@", figure).replace("_at_", "@").replace("_", " ")
    return f"{text} ({branch.replace('_', ' ')})" if branch else text
