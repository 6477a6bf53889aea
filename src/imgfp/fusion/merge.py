"""Branches into one ranking."""

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
    """How the branches' pairs become one list.

    `rule` "sum": imgFp's, the sum of a pair's match scores over the branches. "verified": every candidate of any branch
    is rated once by its matches; one without any match keeps its similarity, which ranks below every verified pair.
    `rule` "calibrated": the same candidates by their probability of being a copy, from all that comparing them found.
    `rule` "similarity": the global branch alone, by similarity; no local features are needed.
    """

    rule: str = "calibrated"
    answers: int = 1  # at most so many references a query; "sum" gives every pair
    calibration: str | None = None  # file of train/ranking.py, with "calibrated"; null: the one that is shipped
    # of each branch: its match scores count so many times with "sum"; its odds of a copy are multiplied with "calibrated"
    weights: dict[str, float] = field(default_factory=lambda: {"local": 1.0, "global": 1.0, "crop": 1.0})


def union_pairs(branches: Iterable[Pairs]) -> list[tuple[str, str]]:
    """Every (query id, reference id) that any branch proposes, once, sorted."""
    return sorted({pair for branch in branches for pair in branch.id_pairs()})


def sum_scores(branches: Iterable[Pairs], weights: Iterable[float] = itertools.repeat(1.0)) -> Pairs:
    """imgFp's merge: each pair once, with the sum of its scores over the branches, in order of first appearance.

    `weights`: of each branch; imgFp's are 1. A branch that counts 0 times takes no part.
    """
    sums: dict[tuple[str, str], float] = {}
    for branch, weight in zip(branches, weights, strict=False):
        if not weight:
            continue
        for pair, score in zip(branch.id_pairs(), branch.scores.tolist(), strict=True):
            sums[pair] = sums.get(pair, 0.0) + weight * score
    return Pairs.of([(query, reference, score) for (query, reference), score in sums.items()])


def verified(rated: Pairs, similar: Pairs | None, answers: int) -> Pairs:
    """The best `answers` of each query: rated pairs with a score above 0, then those that only the global branch knows.

    Args:
        rated: Candidates with their match score, at least 3 for a pair with any support, else 0.
        similar: The global branch's candidates, if it took part; similarities within -2..2 are mapped to 0..1.
        answers: References a query.
    """
    scores = {} if similar is None else dict(zip(similar.id_pairs(), ((similar.scores + 2) / 4).tolist(), strict=True))
    supported = rated.take(rated.scores > 0)
    scores |= dict(zip(supported.id_pairs(), supported.scores.tolist(), strict=True))
    return best_answers(Pairs.of([(query, reference, score) for (query, reference), score in scores.items()]), answers)


def calibrated(odds: Mapping[tuple[str, str], tuple[float, Evidence]], similar: Pairs | None, answers: int) -> Pairs:
    """The best `answers` of each query by probability, no two of which are equal, best first.

    A pair on which no geometry agrees is an answer only where the global branch proposed it; its similarity then orders it.

    Args:
        odds: What `surest` gave of all candidates of a query.
        similar: The global branch's candidates, if it took part; similarities within -2..2.
        answers: References a query.
    """
    alike = {} if similar is None else dict(zip(similar.id_pairs(), similar.scores.tolist(), strict=True))
    rows = []
    for pair, (value, item) in odds.items():
        if item.inliers:
            rows.append((*pair, value))
        elif pair in alike:
            rows.append((*pair, value + min(alike[pair] - 1, 0.0)))
    best = best_answers(Pairs.of(rows), answers)
    return Pairs(best.query_ids, best.reference_ids, distinct(best.scores))


def surest(
    evidence: Sequence[Evidence], calibration: Calibration, weights: Sequence[float] | None = None
) -> dict[tuple[str, str], tuple[float, Evidence]]:
    """Of each pair, which may have been compared several times (as a whole, and parts of the query), what speaks most for a
    copy: its log odds and the evidence. Evidence on which some geometry agrees comes before other, the first among equals.

    Args:
        evidence: What comparing the candidates found.
        calibration: See `read_calibration`.
        weights: Of each item, by which its odds are multiplied; what weighs 0 is left out.
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
    """At most `answers` references a query, the highest scores, best first."""
    ranked = pairs.best_first()
    order = np.argsort(ranked.query_ids, kind="stable")
    ids = ranked.query_ids[order]
    place = np.arange(len(ids)) - np.searchsorted(ids, ids, side="left")
    return ranked.take(np.sort(order[place < answers]))


def write_merged_text(path: Path, pairs: Pairs) -> None:
    """imgFp's final file: query, reference and integer score, separated by tabs, no header."""
    rows = zip(pairs.id_pairs(), pairs.integer_scores(), strict=True)
    write_bytes(path, "".join(f"{query}\t{reference}\t{score}\n" for (query, reference), score in rows).encode())
