"""Bootstrap over queries: intervals of a mean, and the paired comparison of two results."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from imgfp.metrics.isc import IscMetrics, LabelledPairs, evaluate_labelled, label_pairs
from imgfp.progress import track
from imgfp.records import GroundTruth, Pairs

RESAMPLES = 1000


@dataclass(frozen=True)
class Difference:
    """The difference of one metric (first result minus second) with its 95 % bootstrap confidence interval."""

    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Interval:
    """A 95 % bootstrap confidence interval."""

    low: float
    high: float


def mean_interval(values: np.ndarray, seed: int = 0) -> Interval:
    """The interval of the mean of (q,) values, one per query, from `RESAMPLES` draws of q queries with replacement."""
    means = [float(weights @ values) / len(values) for weights in _draws(len(values), seed)]
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(low), float(high))


def compare(first: Pairs, second: Pairs, truth: GroundTruth, seed: int = 0) -> tuple[IscMetrics, dict[str, Difference]]:
    """Compares two results on the same queries.

    Each of `RESAMPLES` rounds draws as many queries as there are, with replacement, and evaluates both results on that
    sample (a query drawn twice counts as two queries); the interval is the 2.5 and 97.5 percentile of the differences.
    Rounds without a true pair are skipped.

    Returns:
        The second result's metrics, and the differences of uAP, R@P90, recall@1 and recall@10. (Thresholds are on the
        score scale of each result, so their difference has no meaning.)
    """
    labelled = [label_pairs(pairs, truth) for pairs in (first, second)]
    full = [evaluate_labelled(item, len(truth.queries)) for item in labelled]
    true_per_query = np.bincount(np.searchsorted(truth.queries, truth.query_ids), minlength=len(truth.queries))
    names = ("uap", "recall_at_p90", "recall_at_1", "recall_at_10")
    rounds = []
    for weights in track(_draws(len(truth.queries), seed), RESAMPLES, "resampling queries", "rounds"):
        total = int(weights @ true_per_query)
        if total:
            a, b = (evaluate_labelled(_resampled(item, weights, total), len(truth.queries)) for item in labelled)
            rounds.append([getattr(a, name) - getattr(b, name) for name in names])
    lows, highs = np.percentile(rounds, [2.5, 97.5], axis=0)
    differences = {
        name: Difference(getattr(full[0], name) - getattr(full[1], name), float(low), float(high))
        for name, low, high in zip(names, lows, highs, strict=True)
    }
    return full[1], differences


def _draws(queries: int, seed: int) -> Iterator[np.ndarray]:
    generator = np.random.default_rng(seed)
    for _ in range(RESAMPLES):
        yield np.bincount(generator.integers(0, queries, queries), minlength=queries)


def _resampled(labelled: LabelledPairs, weights: np.ndarray, total: int) -> LabelledPairs:
    """Repeats each prediction as often as its query was drawn; repeats of a query get distinct query codes."""
    repeats = weights[labelled.query_codes]
    rows = np.repeat(np.arange(len(repeats)), repeats)
    copy = np.arange(len(rows)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    codes = labelled.query_codes[rows] + copy * len(weights)
    return LabelledPairs(labelled.rows[rows], labelled.scores[rows], codes, labelled.correct[rows], total)
