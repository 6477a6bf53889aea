"""The content of a report as plain values, ready to render as HTML or files."""

from dataclasses import dataclass

import numpy as np

from imgfp.images import Failure, FileSize


@dataclass(frozen=True)
class StageRow:
    """One stage of the run and its cost."""

    name: str
    items: int
    """Number of items in the output, including reused ones."""
    reused: int
    """Number of items reused from an earlier run."""
    seconds: float
    """Wall-clock time in this run."""
    items_per_second: float | None
    """None if nothing was computed."""
    peak_mb: float
    """Peak resident memory during the stage, in MB."""


@dataclass(frozen=True, eq=False)
class MatchImage:
    """A query next to a reference, already drawn (see `draw_match`)."""

    query_id: str
    reference_id: str
    score: float
    """NaN for a missed pair, which has no score."""
    note: str
    """Short text: "correct", "wrong", "mirrored", "correct, mirrored"; may be empty."""
    image: np.ndarray
    """(height, width, 3) uint8 RGB."""

    def __post_init__(self) -> None:
        if self.image.dtype != np.uint8 or self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.size == 0:
            raise ValueError(
                f"image of {self.query_id} and {self.reference_id} is {self.image.dtype} {self.image.shape}, "
                "not uint8 (height, width, 3): draw it with draw_match"
            )


@dataclass(frozen=True, eq=False)
class GroupImage:
    """One image of a group of copies, already drawn (see `draw_image`)."""

    image_id: str
    size: FileSize | None
    """None if the file no longer exists."""
    note: str
    """"likely original", or a description of its most probable pair in the group."""
    image: np.ndarray
    """(height, width, 3) uint8 RGB."""


@dataclass(frozen=True)
class ImageGroup:
    """A group of copies of one image."""

    total: int
    """Number of images in the group; `images` may contain only the first ones."""
    images: tuple[GroupImage, ...]
    """The likely original first."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Precision and recall at every distinct threshold, in descending order, so recall is non-decreasing."""

    name: str
    recall: np.ndarray
    """(n,) float, 0..1."""
    precision: np.ndarray
    """(n,) float, 0..1."""
    uap: float
    figure: str = "uAP"
    """Name of the metric in `uap`."""

    def __post_init__(self) -> None:
        if self.recall.ndim != 1 or self.recall.shape != self.precision.shape:
            raise ValueError(
                f"curve '{self.name}': recall has shape {self.recall.shape}, precision {self.precision.shape}: "
                "both need one value per threshold"
            )


@dataclass(frozen=True)
class Report:
    """The content of one report. Empty sections are omitted or explained."""

    title: str
    summary: str
    """One sentence."""
    notes: tuple[str, ...]
    """Caveats for the reader, one sentence each."""
    settings: dict[str, str]
    figures: dict[str, dict[str, float | None]]
    """Row ("merged", "local", "global", ...) to metric ("uap", "recall_at_p90", "threshold_at_p90", "recall_at_1",
    "recall_at_10") to value; a threshold of None was never reached. Empty without ground truth."""
    curves: tuple[Curve, ...]
    best: tuple[MatchImage, ...]
    false_positives: tuple[MatchImage, ...]
    missed: tuple[MatchImage, ...]
    failures: tuple[Failure, ...]
    stages: tuple[StageRow, ...]
    pairs_total: int
    """Number of predicted pairs; `best` contains the first ones."""
    groups: tuple[ImageGroup, ...] | None = None
    """Groups of duplicates, shown instead of metrics and matches; None for a search report."""
    groups_total: int = 0
    """Number of groups; `groups` contains the first ones."""
