"""What a report shows, as plain values: whoever writes it as HTML or as files computes nothing anew."""

from dataclasses import dataclass

import numpy as np

from imgfp.images import Failure, FileSize


@dataclass(frozen=True)
class StageRow:
    """One stage of the run and what it cost."""

    name: str
    items: int
    """How many items the stage has in its output, reused ones included."""
    reused: int
    """How many of them were taken from an earlier run."""
    seconds: float
    """Wall-clock time of this run."""
    items_per_second: float | None
    """None where nothing was computed, so that there is no speed to state."""
    peak_mb: float
    """Largest resident memory while the stage ran, in MB."""


@dataclass(frozen=True, eq=False)
class MatchPicture:
    """A query beside a reference, already drawn (see `draw_match`)."""

    query_id: str
    reference_id: str
    score: float
    """NaN where the pair got no score at all (a missed pair)."""
    note: str
    """Few words: "right", "wrong", "mirrored", "right, mirrored"; may be empty."""
    image: np.ndarray
    """(height, width, 3) uint8 RGB."""

    def __post_init__(self) -> None:
        if self.image.dtype != np.uint8 or self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.size == 0:
            raise ValueError(
                f"picture of {self.query_id} and {self.reference_id} is {self.image.dtype} {self.image.shape}, "
                "not uint8 (height, width, 3): draw it with draw_match"
            )


@dataclass(frozen=True, eq=False)
class GroupPicture:
    """One picture of a group of copies, already drawn (see `draw_picture`)."""

    image_id: str
    size: FileSize | None
    """None where the file is gone."""
    note: str
    """"likely original", or what its surest pair in the group is called."""
    image: np.ndarray
    """(height, width, 3) uint8 RGB."""


@dataclass(frozen=True)
class PictureGroup:
    """Copies of one picture."""

    total: int
    """How many pictures it has; `pictures` may be the first of them."""
    pictures: tuple[GroupPicture, ...]
    """The likely original first."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Precision and recall at every distinct threshold, from the strictest on: recall never falls."""

    name: str
    recall: np.ndarray
    """(n,) float, 0..1."""
    precision: np.ndarray
    """(n,) float, 0..1."""
    uap: float
    figure: str = "uAP"
    """What `uap` is called here."""

    def __post_init__(self) -> None:
        if self.recall.ndim != 1 or self.recall.shape != self.precision.shape:
            raise ValueError(
                f"curve '{self.name}': recall has the shape {self.recall.shape}, precision {self.precision.shape}: "
                "both need one value a threshold"
            )


@dataclass(frozen=True)
class Report:
    """Everything one report shows. Empty parts are left out, or the report says why they are empty."""

    title: str
    summary: str
    """One sentence."""
    notes: tuple[str, ...]
    """What a reader must know to judge the numbers, one sentence each."""
    settings: dict[str, str]
    figures: dict[str, dict[str, float | None]]
    """Row ("merged", "local", "global", ...) to metric ("uap", "recall_at_p90", "threshold_at_p90", "recall_at_1",
    "recall_at_10") to value; a threshold of None was never reached. Empty when there is no ground truth."""
    curves: tuple[Curve, ...]
    best: tuple[MatchPicture, ...]
    false_positives: tuple[MatchPicture, ...]
    missed: tuple[MatchPicture, ...]
    failures: tuple[Failure, ...]
    stages: tuple[StageRow, ...]
    pairs_total: int
    """How many predicted pairs the run has; `best` shows the first of them."""
    groups: tuple[PictureGroup, ...] | None = None
    """Of a collection compared with itself, in place of figures and matches; None where that was not asked."""
    groups_total: int = 0
    """How many groups there are; `groups` shows the first of them."""
