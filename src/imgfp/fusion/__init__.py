"""Fusion of branch scores, calibrated probabilities and labels."""

from imgfp.fusion.calibration import Calibration, features, read_calibration
from imgfp.fusion.collection import paired
from imgfp.fusion.labels import COPIES, EDITED, EXACT, NONE, SIMILAR, label
from imgfp.fusion.merge import (
    FusionConfig,
    best_answers,
    best_evidence,
    calibrated,
    sum_scores,
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
    "best_evidence",
    "calibrated",
    "features",
    "label",
    "paired",
    "read_calibration",
    "sum_scores",
    "union_pairs",
    "verified",
    "write_merged_text",
]
