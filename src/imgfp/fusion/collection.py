"""Pairs within one collection: neither picture is the query, and other copies of the same picture are no rivals."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from imgfp.fusion.calibration import Calibration, distinct, features
from imgfp.records import Evidence, Pairs

# Of 1,000 made queries (train/ranking.py) the best wrong candidate has 3 inliers at the median, at most 4 for three
# quarters and at most 8 for nine tenths.
ACCIDENT = 4.0  # every pair has a rival at least as strong: a pair that stands alone is none the surer for it
RELATED = 8.0  # so many inliers are hardly an accident


def paired(evidence: Sequence[Evidence], calibration: Calibration) -> Pairs:
    """Every pair on which some geometry agrees, by the probability that one is a copy of the other, best first, no ties.

    Which of the two is the copy is not known and must not hang on their names: a pair is read both ways, and the surer
    one counts.

    Args:
        evidence: What comparing found, each pair once.
        calibration: See `read_calibration`.
    """
    agreeing = [item for item in evidence if item.inliers]
    rivals = collection_rivals(agreeing)
    odds = np.maximum(
        calibration.log_odds(features(agreeing, rivals)),
        calibration.log_odds(features([_turned(item) for item in agreeing], rivals)),
    )
    rows = [(item.query_id, item.reference_id, value) for item, value in zip(agreeing, odds.tolist(), strict=True)]
    ranked = Pairs.of(rows).best_first()
    return Pairs(ranked.query_ids, ranked.reference_ids, distinct(ranked.scores))


def collection_rivals(evidence: Sequence[Evidence]) -> np.ndarray:
    """(n,) float64: for each pair the most inliers that either picture has with a third one, `ACCIDENT` at least.

    A third picture that agrees with both, by `RELATED` inliers and half as many as the weaker of the pair and its own
    agreement, is one more copy and no rival: the original saved again has more inliers with it than any edited copy.
    """
    inliers: dict[tuple[str, str], float] = {}
    partners: dict[str, list[tuple[float, str]]] = {}
    for item in evidence:
        for one, other in ((item.query_id, item.reference_id), (item.reference_id, item.query_id)):
            inliers[one, other] = float(item.inliers)
            partners.setdefault(one, []).append((-float(item.inliers), other))
    for found in partners.values():
        found.sort()

    def strongest(one: str, other: str) -> float:
        for count, third in partners[one]:  # soon over: `other` is related to few
            enough = max(RELATED, min(inliers[one, other], -count) / 2)
            if third != other and inliers.get((other, third), 0.0) < enough:
                return -count
        return 0.0

    return np.array(
        [
            max(ACCIDENT, strongest(item.query_id, item.reference_id), strongest(item.reference_id, item.query_id))
            for item in evidence
        ],
        dtype=np.float64,
    )


def _turned(item: Evidence) -> Evidence:
    """The same comparison with the pictures' parts exchanged, as far as `features` reads it."""
    return replace(item, query_area=item.reference_area, reference_area=item.query_area, scale=1 / item.scale)
