"""Branches into one score, scores into probabilities and labels (floor 2)."""

from imgfp.fusion.calibration import Calibration, features, read_calibration
from imgfp.fusion.collection import paired
from imgfp.fusion.labels import COPIES, EDITED, EXACT, NONE, SIMILAR, label
from imgfp.fusion.merge import (
    FusionConfig,
    best_answers,
    calibrated,
    sum_scores,
    surest,
    union_pairs,
    verified,
    write_merged_text,
)

__all__ = [
    "COPIES",
    "EDITED",
    "EXACT",
    "NONE",
    "SIMILAR",
    "Calibration",
    "FusionConfig",
    "best_answers",
    "calibrated",
    "features",
    "label",
    "paired",
    "read_calibration",
    "sum_scores",
    "surest",
    "union_pairs",
    "verified",
    "write_merged_text",
]
