"""The official figures, and whether a difference between two results is more than chance (floor 1)."""

from imgfp.metrics.bootstrap import Difference, compare
from imgfp.metrics.isc import IscMetrics, PrecisionRecall, evaluate, judge, precision_recall

__all__ = ["Difference", "IscMetrics", "PrecisionRecall", "compare", "evaluate", "judge", "precision_recall"]
