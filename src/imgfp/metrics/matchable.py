"""Metrics of matchable retrieval: average precision by the trapezoid rule, recall@k, and the protocols' rules.

AP as in the Oxford buildings benchmark (Philbin et al., CVPR 2007): the area under the precision-recall curve, where every
positive raises recall by 1 / P and the precision is the mean of those at its place and at the place before (1 before the
first). Images that a protocol ignores (junk, the query itself) are taken out of the ranking before places are counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from imgfp.metrics.bootstrap import Interval, mean_interval


@dataclass(frozen=True)
class Relevance:
    """What is right for each of q queries.

    `positives`: q arrays of database indices; one that is listed twice counts twice in P, as in the originals.
    `ignored`: q arrays of database indices that take no place in the ranking; an image in both is ignored.
    """

    positives: tuple[np.ndarray, ...]
    ignored: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Protocol:
    """Which part of a ranking counts.

    `depth`: AP is over the first `depth` places, with min(P, depth) instead of P; None: the whole ranking and P.
    `recall_k`: recall@k = positives among the first k places / min(k, P).
    """

    depth: int | None = None
    recall_k: int = 10

    @property
    def map_name(self) -> str:
        """The metric's name: map_at_50, or map for the whole ranking."""
        return "map" if self.depth is None else f"map_at_{self.depth}"

    @property
    def recall_name(self) -> str:
        """The metric's name, such as recall_at_10."""
        return f"recall_at_{self.recall_k}"


@dataclass(frozen=True)
class MatchableMetrics:
    """`average_precision`, `recall`: (q,) float64, NaN for a query without positives, which no mean includes."""

    protocol: Protocol
    average_precision: np.ndarray
    recall: np.ndarray

    @cached_property
    def counted(self) -> np.ndarray:
        """(q,) bool: the queries with positives."""
        return ~np.isnan(self.average_precision)

    def figures(self, queries: np.ndarray | None = None) -> dict[str, float]:
        """mAP and mean recall under their names, over all queries or those selected by a (q,) bool array."""
        chosen = self.counted if queries is None else self.counted & queries
        values = {self.protocol.map_name: self.average_precision, self.protocol.recall_name: self.recall}
        return {name: float(np.mean(each[chosen])) for name, each in values.items()}

    def intervals(self) -> dict[str, Interval]:
        """95 % bootstrap intervals of the means, over queries."""
        values = {self.protocol.map_name: self.average_precision, self.protocol.recall_name: self.recall}
        return {name: mean_interval(each[self.counted]) for name, each in values.items()}


def evaluate_rankings(rankings: Sequence[np.ndarray], relevance: Relevance, protocol: Protocol) -> MatchableMetrics:
    """Judges one ranking per query.

    Args:
        rankings: Per query the database indices, best first; an empty one has AP 0.
        relevance: What is right.
        protocol: What counts.
    """
    rows = []
    for ranking, positives, ignored in zip(rankings, relevance.positives, relevance.ignored, strict=True):
        hits = np.isin(ranking[~np.isin(ranking, ignored)], positives)
        total, k = len(positives), protocol.recall_k
        if protocol.depth is None:
            precision = average_precision(hits, total)
        else:
            precision = average_precision(hits[: protocol.depth], min(total, protocol.depth))
        recall = hits[:k].sum() / min(k, total) if total else np.nan
        rows.append((precision, recall))
    columns = np.array(rows, dtype=np.float64).reshape(-1, 2)
    return MatchableMetrics(protocol, columns[:, 0], columns[:, 1])


def average_precision(hits: np.ndarray, positives: int) -> float:
    """AP of one ranking.

    Args:
        hits: (n,) bool: whether the image at each place is a positive.
        positives: P, the number of positives, found or not.

    Returns:
        The AP; NaN where there is no positive.
    """
    if not positives:
        return float("nan")
    places = np.flatnonzero(hits)
    found = np.arange(len(places))
    before = np.where(places > 0, found / np.maximum(places, 1), 1.0)
    here = (found + 1) / (places + 1)
    return float(((before + here) / 2).sum() / positives)
