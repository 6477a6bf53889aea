"""Ranking of pairs within one collection, where neither image is the query."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from imgfp.fusion.calibration import Calibration, distinct, features
from imgfp.records import Evidence, Pairs


def paired(evidence: Sequence[Evidence], calibration: Calibration) -> Pairs:
    """All pairs with inliers, by the probability that one image is a copy of the other, best first, without ties.

    Which image is the copy is unknown and must not depend on the ids: the higher probability of both directions is used.

    Args:
        evidence: Evidence of the compared pairs, each pair once.
        calibration: See `read_calibration`.
    """
    verified = [item for item in evidence if item.inliers]
    odds = np.maximum(
        calibration.log_odds(features(verified)),
        calibration.log_odds(features([_swapped(item) for item in verified])),
    )
    rows = [(item.query_id, item.reference_id, value) for item, value in zip(verified, odds.tolist(), strict=True)]
    ranked = Pairs.of(rows).best_first()
    return Pairs(ranked.query_ids, ranked.reference_ids, distinct(ranked.scores))


def _swapped(item: Evidence) -> Evidence:
    """The evidence with query and reference swapped, in the fields that `features` reads."""
    return replace(item, query_area=item.reference_area, reference_area=item.query_area, scale=1 / item.scale)
