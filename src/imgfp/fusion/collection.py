"""Pairs within one collection: neither picture is the query."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from imgfp.fusion.calibration import Calibration, distinct, features
from imgfp.records import Evidence, Pairs


def paired(evidence: Sequence[Evidence], calibration: Calibration) -> Pairs:
    """Every pair on which some geometry agrees, by the probability that one is a copy of the other, best first, no ties.

    Which of the two is the copy is not known and must not hang on their names: a pair is read both ways, and the surer
    one counts.

    Args:
        evidence: What comparing found, each pair once.
        calibration: See `read_calibration`.
    """
    agreeing = [item for item in evidence if item.inliers]
    odds = np.maximum(
        calibration.log_odds(features(agreeing)),
        calibration.log_odds(features([_turned(item) for item in agreeing])),
    )
    rows = [(item.query_id, item.reference_id, value) for item, value in zip(agreeing, odds.tolist(), strict=True)]
    ranked = Pairs.of(rows).best_first()
    return Pairs(ranked.query_ids, ranked.reference_ids, distinct(ranked.scores))


def _turned(item: Evidence) -> Evidence:
    """The same comparison with the pictures' parts exchanged, as far as `features` reads it."""
    return replace(item, query_area=item.reference_area, reference_area=item.query_area, scale=1 / item.scale)
