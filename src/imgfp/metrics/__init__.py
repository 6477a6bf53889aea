"""The official metrics, and bootstrap confidence intervals."""

from imgfp.metrics.bootstrap import Difference, Interval, compare
from imgfp.metrics.isc import IscMetrics, PrecisionRecall, evaluate, label_pairs, precision_recall
from imgfp.metrics.matchable import MatchableMetrics, Protocol, Relevance, evaluate_rankings

__all__ = [
    "Difference",
    "Interval",
    "IscMetrics",
    "MatchableMetrics",
    "PrecisionRecall",
    "Protocol",
    "Relevance",
    "compare",
    "evaluate",
    "evaluate_rankings",
    "label_pairs",
    "precision_recall",
]
