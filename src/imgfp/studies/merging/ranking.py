"""One setting of the merge on stored candidates: its ranking, and its figures on each group of queries."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from imgfp.fusion import Calibration
from imgfp.metrics import IscMetrics
from imgfp.metrics.isc import PRECISION_TARGET
from imgfp.records import Pairs
from imgfp.studies.merging import kernels
from imgfp.studies.merging.table import CandidateTable


@dataclass(frozen=True)
class Ranker:
    """A table prepared for one calibration; weights and similarities may then change at little cost.

    Attributes:
        table: The candidates.
        odds, strong: (s, p) log odds of each source's best comparison, and whether it has inliers; empty without calibration.
        subset: (p,) uint16, bit b is set where branch b proposes the pair.
        starts: (q + 1,) first pair of each query.
    """

    table: CandidateTable
    odds: np.ndarray
    strong: np.ndarray
    subset: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, table: CandidateTable, calibration: Calibration | None) -> "Ranker":
        """Applies the calibration, None with the rules that have none."""
        count = len(table)
        sources = 1 + len(table.branches) if calibration is not None else 0
        odds, strong = np.full((sources, count), np.nan), np.zeros((sources, count), bool)
        if calibration is not None:
            inliers = table.features[:, 0] > 0
            kernels.best_of_sources(
                table.item_pair, table.item_source, calibration.log_odds(table.features), inliers, odds, strong
            )
        bits = (table.proposed.astype(np.uint16) << np.arange(len(table.branches), dtype=np.uint16)[:, None]).sum(0)
        starts = np.searchsorted(table.query, np.arange(len(table.queries) + 1))
        return cls(table, odds, strong, bits.astype(np.uint16), starts)

    def with_similarity(self, similarity: np.ndarray) -> "Ranker":
        """With other similarities of the global branch, (p,); a pair without one is no longer proposed by it."""
        proposed = ~np.isnan(similarity)
        bit = np.uint16(1 << self.table.branches.index("global"))
        subset = np.where(proposed, self.subset | bit, self.subset & ~bit)
        return replace(self, table=replace(self.table, similarity=similarity), subset=subset)

    def scores(self, weights: Mapping[str, float]) -> np.ndarray:
        """(p,) float64 score of each pair by the table's rule, NaN where it is no answer."""
        table, scores = self.table, np.empty(len(self.table))
        own = [weights.get(name, 1.0) for name in table.branches]
        if table.rule == "sum":
            kernels.weighted_sum(table.scores, np.array(own), scores)
        elif table.rule == "calibrated":
            subsets = range(1 << len(own))
            highest = [max((own[b] for b in range(len(own)) if subset >> b & 1), default=0.0) for subset in subsets]
            logs = np.array([_log(weight) for weight in highest]), np.array([_log(weight) for weight in [0.0, *own]])
            kernels.weighted_odds(self.odds, self.strong, self.subset, *logs, table.similarity, scores)
        elif table.rule == "verified":
            rated = table.scores[0]
            scores = np.where(rated > 0, rated, (table.similarity + 2) / 4)
        else:
            scores = table.similarity.copy()
        return scores

    def ranked(self, weights: Mapping[str, float]) -> "Ranked":
        """The answers, best first."""
        table, scores = self.table, self.scores(weights)
        place = np.empty(len(table), np.int64)
        longest = int(np.diff(self.starts).max(initial=1))
        answers = longest if table.rule == "sum" else min(table.answers, longest)
        kernels.best_places(scores, self.starts, answers, place)
        rows = np.flatnonzero(place >= 0)
        own = scores[rows]
        order = np.argsort(-own)
        if table.rule == "calibrated":  # no ties are left then
            kernels.settle_ties(order, own)
        return Ranked(table, rows, own, place[rows], order)


@dataclass(frozen=True)
class Ranked:
    """k answers. `rows`: in the table, ascending; `scores`, `place`: score, rank from 0 in the query; `order`: best first."""

    table: CandidateTable
    rows: np.ndarray
    scores: np.ndarray
    place: np.ndarray
    order: np.ndarray

    @property
    def falling(self) -> np.ndarray:
        """(k,) float64 scores as predictions have them, best first; of rule "calibrated" distinct probabilities."""
        values = self.scores[self.order]
        if self.table.rule == "calibrated":
            values = 1 / (1 + np.exp(-np.clip(values, -700, 700)))
            kernels.next_smaller(values)
        return values

    @property
    def predictions(self) -> Pairs:
        """The answers as pairs, best first, ties by query id, then reference id."""
        order = self.order.copy()
        kernels.settle_ties(order, self.scores)
        rows, table = self.rows[order], self.table
        return Pairs(table.queries[table.query[rows]], table.references[table.reference[rows]], self.falling)

    def figures(self, group: np.ndarray, totals: list[tuple[int, int]]) -> list[IscMetrics]:
        """The official figures of each group of queries, as `imgfp.metrics.evaluate` gives them.

        Args:
            group: (q,) int8 group of each of the table's queries, negative to leave it out.
            totals: Number of queries and of true pairs of each group in the ground truth; the latter must be above 0.
        """
        table, groups = self.table, len(totals)
        query = table.query[self.rows]
        starts = np.searchsorted(query, np.arange(len(table.queries) + 1))
        most = max(true for _, true in totals)
        precision, at_true = np.empty((groups, most)), np.empty((groups, most), np.int64)
        hits, counts = np.zeros((groups, 2), np.int64), np.zeros((groups, 2), np.int64)
        kernels.walk(
            *(self.order, self.scores, group[query], table.true[self.rows], self.place, query, starts),
            *(table.rule != "calibrated", precision, at_true, hits, counts),
        )
        falling, found = self.falling, []
        for g, (queries, total) in enumerate(totals):
            own = precision[g, : counts[g, 0]].copy()
            reached = np.flatnonzero(own >= PRECISION_TARGET)
            last = int(reached[-1]) if len(reached) else None
            found.append(
                IscMetrics(
                    uap=float(own.sum() / total),
                    recall_at_p90=0.0 if last is None else (last + 1) / total,
                    threshold_at_p90=None if last is None else float(falling[at_true[g, last]]),
                    recall_at_1=float(hits[g, 0] / total),
                    recall_at_10=float(hits[g, 1] / total),
                    predictions=int(counts[g].sum()),
                    queries=queries,
                    pairs=total,
                )
            )
        return found


def _log(weight: float) -> float:
    return math.log(weight) if weight else -math.inf
