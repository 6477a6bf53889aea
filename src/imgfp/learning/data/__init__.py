"""Training data: pairs of views, negatives, batches; the same bytes for the same seed."""

from imgfp.learning.data.batch import Batch
from imgfp.learning.data.config import PairsConfig
from imgfp.learning.data.overlap import refuse_judged_photographs, refuse_overlap
from imgfp.learning.data.setup import open_training, queries_of
from imgfp.learning.data.show import Sample, show_samples
from imgfp.learning.data.training_data import TrainingData

__all__ = [
    "Batch",
    "PairsConfig",
    "Sample",
    "TrainingData",
    "open_training",
    "queries_of",
    "refuse_judged_photographs",
    "refuse_overlap",
    "show_samples",
]
