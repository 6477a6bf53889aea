"""The official metrics, and confidence intervals for the difference between two results (layer 1)."""

from imgfp.metrics.bootstrap import Difference, compare
from imgfp.metrics.isc import IscMetrics, PrecisionRecall, evaluate, label_pairs, precision_recall

__all__ = ["Difference", "IscMetrics", "PrecisionRecall", "compare", "evaluate", "label_pairs", "precision_recall"]
