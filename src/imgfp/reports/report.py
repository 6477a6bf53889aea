"""The content of a report as plain values, ready to render as HTML or files."""

from dataclasses import dataclass

import numpy as np

from imgfp.images import Failure, FileSize
from imgfp.pipeline.stages.stage import StageResult


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
    stages: tuple[StageResult, ...]
    pairs_total: int
    """Number of predicted pairs; `best` contains the first ones."""
    groups: tuple[ImageGroup, ...] | None = None
    """Groups of duplicates, shown instead of metrics and matches; None for a search report."""
    groups_total: int = 0
    """Number of groups; `groups` contains the first ones."""
