"""How good found boxes are: precision and recall at an overlap, over many pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imgfp.detection.box import Box, Found, overlap


@dataclass(frozen=True, eq=False)
class JudgedBoxes:
    """Precision and recall at every distinct confidence, the surest first; labels play no part.

    `recall`, `precision`: (n,) float64. `average_precision`: each step of recall counts with the precision at its end.
    """

    recall: np.ndarray
    precision: np.ndarray
    average_precision: float


def judge_boxes(
    found: Sequence[Sequence[Found]], true: Sequence[Sequence[Box]], least_overlap: float = 0.5
) -> JudgedBoxes:
    """Judges what was found in pictures, in order of confidence. Each true box is found once; what finds it again is wrong.

    Args:
        found: Of each picture, in any order.
        true: Of the same pictures.
        least_overlap: Intersection over union from which a box counts as found.
    """
    ranked = sorted(
        ((item, picture) for picture, items in enumerate(found) for item in items), key=lambda pair: -pair[0].confidence
    )
    left = [list(boxes) for boxes in true]
    right = np.zeros(len(ranked), bool)
    for place, (item, picture) in enumerate(ranked):
        shared = [overlap(item.box, box) for box in left[picture]]
        if shared and max(shared) >= least_overlap:
            left[picture].pop(int(np.argmax(shared)))
            right[place] = True
    count = sum(map(len, true))
    hits = np.cumsum(right)
    last = np.flatnonzero(np.diff([item.confidence for item, _ in ranked], append=-np.inf) != 0)
    recall, precision = hits[last] / max(count, 1), hits[last] / (last + 1)
    return JudgedBoxes(recall, precision, float((np.diff(recall, prepend=0.0) * precision).sum()))
