"""Merges the candidates of all branches into one ranking."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from imgfp.files import write_bytes
from imgfp.fusion.calibration import Calibration, distinct, features
from imgfp.records import Evidence, Pairs


@dataclass(frozen=True)
class FusionConfig:
    """How the pairs of all branches are merged.

    `rule` "sum": imgFp's rule, the sum of a pair's match scores over the branches. "verified": the candidates of all
    branches are ranked by match score; candidates without matches follow, ranked by similarity. "calibrated": the same
    candidates ranked by probability of being a copy. "similarity": the global branch only; needs no local features.
    """

    rule: str = "calibrated"
    answers: int = 1  # maximum number of references per query; "sum" returns every pair
    calibration: str | None = None  # file written by train/ranking.py, for "calibrated"; null: the shipped one
    # per branch: factor of the match scores with "sum", factor of the odds with "calibrated"
    weights: dict[str, float] = field(default_factory=lambda: {"local": 1.0, "global": 1.0, "crop": 1.0})


def union_pairs(branches: Iterable[Pairs]) -> list[tuple[str, str]]:
    """The union of the branches' (query id, reference id) pairs, sorted."""
    return sorted({pair for branch in branches for pair in branch.id_pairs()})


def sum_scores(branches: Iterable[Pairs], weights: Iterable[float] = itertools.repeat(1.0)) -> Pairs:
    """imgFp's merge: each pair once, with the sum of its scores over the branches, in order of first appearance.

    `weights`: one per branch; imgFp's are 1. A branch with weight 0 is ignored.
    """
    sums: dict[tuple[str, str], float] = {}
    for branch, weight in zip(branches, weights, strict=False):
        if not weight:
            continue
        for pair, score in zip(branch.id_pairs(), branch.scores.tolist(), strict=True):
            sums[pair] = sums.get(pair, 0.0) + weight * score
    return Pairs.of([(query, reference, score) for (query, reference), score in sums.items()])


def verified(rated: Pairs, similar: Pairs | None, answers: int) -> Pairs:
    """The best `answers` of each query: pairs with a match score above 0, then the other pairs of the global branch.

    Args:
        rated: Candidates with their match score: at least 3 for a verified pair, else 0.
        similar: Candidates of the global branch, if it was run; similarities in -2..2 are mapped to 0..1.
        answers: Maximum number of references per query.
    """
    scores = {} if similar is None else dict(zip(similar.id_pairs(), ((similar.scores + 2) / 4).tolist(), strict=True))
    supported = rated.take(rated.scores > 0)
    scores |= dict(zip(supported.id_pairs(), supported.scores.tolist(), strict=True))
    return best_answers(Pairs.of([(query, reference, score) for (query, reference), score in scores.items()]), answers)


def calibrated(odds: Mapping[tuple[str, str], tuple[float, Evidence]], similar: Pairs | None, answers: int) -> Pairs:
    """The best `answers` of each query by probability, best first, without ties.

    A pair without inliers is returned only if the global branch proposed it; its odds are then reduced by its similarity.

    Args:
        odds: Output of `best_evidence` for all candidates.
        similar: Candidates of the global branch, if it was run; similarities in -2..2.
        answers: Maximum number of references per query.
    """
    similarities = {} if similar is None else dict(zip(similar.id_pairs(), similar.scores.tolist(), strict=True))
    rows = []
    for pair, (value, item) in odds.items():
        if item.inliers:
            rows.append((*pair, value))
        elif pair in similarities:
            rows.append((*pair, value + min(similarities[pair] - 1, 0.0)))
    best = best_answers(Pairs.of(rows), answers)
    return Pairs(best.query_ids, best.reference_ids, distinct(best.scores))


def best_evidence(
    evidence: Sequence[Evidence], calibration: Calibration, weights: Sequence[float] | None = None
) -> dict[tuple[str, str], tuple[float, Evidence]]:
    """The log odds and evidence of each pair's most confident comparison; a pair may be compared several times (full query
    and crops). Evidence with inliers takes precedence; ties keep the first.

    Args:
        evidence: Evidence of the compared candidates.
        calibration: See `read_calibration`.
        weights: Factor of the odds per item; items with weight 0 are dropped.
    """
    odds = calibration.log_odds(features(evidence)).tolist()
    found: dict[tuple[str, str], tuple[float, Evidence]] = {}
    for item, value, weight in zip(evidence, odds, weights or itertools.repeat(1.0), strict=False):
        if not weight:
            continue
        pair, value = (item.query_id, item.reference_id), value + math.log(weight)
        if pair not in found or (bool(item.inliers), value) > (bool(found[pair][1].inliers), found[pair][0]):
            found[pair] = value, item
    return found


def best_answers(pairs: Pairs, answers: int) -> Pairs:
    """At most `answers` references per query, those with the highest scores, best first."""
    ranked = pairs.best_first()
    order = np.argsort(ranked.query_ids, kind="stable")
    ids = ranked.query_ids[order]
    place = np.arange(len(ids)) - np.searchsorted(ids, ids, side="left")
    return ranked.take(np.sort(order[place < answers]))


def write_merged_text(path: Path, pairs: Pairs) -> None:
    """Writes imgFp's final file: query, reference and integer score, tab-separated, without a header."""
    rows = zip(pairs.id_pairs(), pairs.integer_scores(), strict=True)
    write_bytes(path, "".join(f"{query}\t{reference}\t{score}\n" for (query, reference), score in rows).encode())
