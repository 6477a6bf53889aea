"""Detection metrics: precision and recall at an overlap threshold, over many images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imgfp.detection.box import Box, Detection, overlap


@dataclass(frozen=True, eq=False)
class BoxMetrics:
    """Precision and recall at every distinct confidence, in descending order; labels are ignored.

    `recall`, `precision`: (n,) float64. `average_precision`: sum of recall steps times the precision at the end of each.
    """

    recall: np.ndarray
    precision: np.ndarray
    average_precision: float


def evaluate_boxes(found: Sequence[Sequence[Detection]], true: Sequence[Sequence[Box]]) -> BoxMetrics:
    """Matches detections to true boxes from an intersection over union of 0.5, in order of confidence. A true box matches once; further detections of it are wrong.

    Args:
        found: Detections per image, in any order.
        true: True boxes of the same images.
    """
    ranked = sorted(
        ((item, image) for image, items in enumerate(found) for item in items), key=lambda pair: -pair[0].confidence
    )
    unmatched = [list(boxes) for boxes in true]
    correct = np.zeros(len(ranked), bool)
    for place, (item, image) in enumerate(ranked):
        overlaps = [overlap(item.box, box) for box in unmatched[image]]
        if overlaps and max(overlaps) >= 0.5:
            unmatched[image].pop(int(np.argmax(overlaps)))
            correct[place] = True
    count = sum(map(len, true))
    hits = np.cumsum(correct)
    last = np.flatnonzero(np.diff([item.confidence for item, _ in ranked], append=-np.inf) != 0)
    recall, precision = hits[last] / max(count, 1), hits[last] / (last + 1)
    return BoxMetrics(recall, precision, float((np.diff(recall, prepend=0.0) * precision).sum()))
