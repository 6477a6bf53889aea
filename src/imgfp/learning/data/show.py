"""The first items of an epoch as images with captions: what the network really sees."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imgfp.images import Failure, read_rgb
from imgfp.learning.data.batch import VIEW
from imgfp.learning.data.sample_builder import Key, SampleBuilder
from imgfp.learning.data.training_data import TrainingData

_SHOWN = 512  # originals are read at about this size


@dataclass(frozen=True, eq=False)
class Sample:
    """One item: the original (None where it cannot be read), then its two views (none where it failed).

    `images`: (h, w, 3) uint8 RGB, views as they are trained on; `captions`: file name, and the names of the edits.
    """

    images: tuple[np.ndarray | None, ...]
    captions: tuple[str, ...]


def show_samples(training: TrainingData, count: int, epoch: int = 0) -> list[Sample]:
    """The first `count` items of an epoch in the order of training; fewer where it has fewer.

    A row of a true pair shows its reference as the original, then the query, then the reference as it is trained on.
    """
    builder = SampleBuilder(training.image_pool, training.plan, training.edits, negatives=0)
    size = training.size_of_epoch(epoch)
    return [_sample(training, builder, Key(epoch, int(index), size)) for index in training.plan.order(epoch)[:count]]


def _sample(training: TrainingData, builder: SampleBuilder, key: Key) -> Sample:
    path = Path(training.image_pool.path(training.plan.number(key.epoch, key.item)))
    original = read_rgb(path, smallest=_SHOWN)
    views = [view for view in builder.item(key).views if view.kind == VIEW]
    unedited = ["not edited", "not edited"]
    if training.plan.is_true_pair(key.item):
        unedited = [f"query {Path(training.image_pool.queries[key.item]).stem}", "reference"]
    captions = [" + ".join(view.edits) or text for view, text in zip(views, unedited, strict=False)]
    if training.plan.is_true_pair(key.item) and views and views[0].edits:
        captions[0] = f"{unedited[0]} + {captions[0]}"
    shown = None if isinstance(original, Failure) else original
    return Sample((shown, *(view.pixels for view in views)), (path.name, *captions))
