"""The official metrics of the Image Similarity Challenge: uAP, R@P90, recall@k, with ties broken pessimistically.

Definitions: the challenge's evaluation script (matching track). One ranking over all queries; at equal scores the false
positives come first; uAP = sum of (recall_i - recall_{i-1}) * precision_i, with recall over all true pairs.
"""

from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imgfp.errors import InputError
from imgfp.records import GroundTruth, Pairs
from imgfp.records.tables import find_names

PRECISION_TARGET = 0.9


@dataclass(frozen=True)
class IscMetrics:
    """The metrics of one evaluation; `threshold_at_p90` is None if precision 0.9 is never reached."""

    uap: float
    recall_at_p90: float
    threshold_at_p90: float | None
    recall_at_1: float
    recall_at_10: float
    predictions: int
    queries: int
    pairs: int

    def as_dict(self) -> dict[str, float | int | None]:
        """All fields under their public names."""
        return asdict(self)

    def figures(self) -> dict[str, float | None]:
        """The five metrics, without the counts."""
        return {name: value for name, value in asdict(self).items() if name not in ("predictions", "queries", "pairs")}


@dataclass(frozen=True)
class LabelledPairs:
    """Predictions compared with the ground truth, in input order; queries outside the ground truth are dropped.

    `rows`: (m,) int, position in the predictions. `scores`: (m,) float64. `query_codes`: (m,) int, position of the
    query in the ground truth. `correct`: (m,) bool. `total`: number of true pairs in the ground truth.
    """

    rows: np.ndarray
    scores: np.ndarray
    query_codes: np.ndarray
    correct: np.ndarray
    total: int


@dataclass(frozen=True)
class PrecisionRecall:
    """(p,) recall, precision and score at every true positive, by descending score."""

    recall: np.ndarray
    precision: np.ndarray
    scores: np.ndarray


def label_pairs(predictions: Pairs, truth: GroundTruth) -> LabelledPairs:
    """Compares each prediction with the ground truth.

    Raises:
        InputError: the ground truth has no true pair, so recall is undefined.
    """
    if not len(truth.query_ids):
        raise InputError("the ground truth has no true pair, so uAP is undefined: give a set with true pairs")
    size = np.int64(len(truth.reference_ids))
    true_keys = find_names(truth.query_ids, truth.queries) * size + find_names(truth.reference_ids, truth.reference_ids)
    query_codes = find_names(predictions.query_ids, truth.queries)
    reference_codes = find_names(predictions.reference_ids, truth.reference_ids)
    possible = np.flatnonzero((query_codes >= 0) & (reference_codes >= 0))
    keys = pa.array(query_codes[possible] * size + reference_codes[possible])
    correct = np.zeros(len(predictions), dtype=bool)
    correct[possible] = pc.is_in(keys, value_set=pa.array(true_keys))
    rows, scores = np.arange(len(predictions)), predictions.scores
    if (query_codes < 0).any():
        rows = np.flatnonzero(query_codes >= 0)
        scores, query_codes, correct = scores[rows], query_codes[rows], correct[rows]
    return LabelledPairs(rows, scores, query_codes, correct, len(true_keys))


def precision_recall(labelled: LabelledPairs) -> PrecisionRecall:
    """Precision and recall at each true positive: precision i = i / (i + false positives scored at least as high)."""
    true, false = labelled.scores[labelled.correct], labelled.scores[~labelled.correct]
    true.sort()
    true = true[::-1]
    false.sort()
    above = len(false) - np.searchsorted(false, true, side="left")
    found = np.arange(1, len(true) + 1)
    return PrecisionRecall(found / labelled.total, found / (found + above), true)


def average_precision(curve: PrecisionRecall, total: int) -> float:
    """uAP: each true positive raises recall by 1 / total."""
    return float(curve.precision.sum() / total)


def ranks_of_true(labelled: LabelledPairs) -> np.ndarray:
    """The rank, from 1, of each true positive within its query: the number of the query's predictions scored at least as high.

    Ties are broken pessimistically. One packed key is sorted: query, then rank of the score, then correctness.
    """
    order = np.argsort(-labelled.scores)
    falling = labelled.scores[order]
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.cumsum(falling != np.append(falling[:1], falling[:-1]))
    ranks = np.int64(len(order) + 1)
    key = np.sort((labelled.query_codes * ranks + rank) * 2 + labelled.correct)
    right = np.flatnonzero(key & 1)
    group = key >> 1
    start = np.searchsorted(group, group[right] // ranks * ranks, side="left")
    return np.searchsorted(group, group[right], side="right") - start


def evaluate(predictions: Pairs, truth: GroundTruth) -> IscMetrics:
    """All official metrics of `predictions` against `truth`."""
    return evaluate_labelled(label_pairs(predictions, truth), queries=len(truth.queries))


def evaluate_labelled(labelled: LabelledPairs, queries: int) -> IscMetrics:
    """The metrics of predictions already compared with the ground truth."""
    curve = precision_recall(labelled)
    ranks = ranks_of_true(labelled)
    reached = np.flatnonzero(curve.precision >= PRECISION_TARGET)
    return IscMetrics(
        uap=average_precision(curve, labelled.total),
        recall_at_p90=float(curve.recall[reached[-1]]) if len(reached) else 0.0,
        threshold_at_p90=float(curve.scores[reached[-1]]) if len(reached) else None,
        recall_at_1=float((ranks <= 1).sum() / labelled.total),
        recall_at_10=float((ranks <= 10).sum() / labelled.total),
        predictions=len(labelled.rows),
        queries=queries,
        pairs=labelled.total,
    )
