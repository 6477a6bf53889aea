"""The averaged weights of a training in the place of its own, for a moment."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytorch_lightning as pl
from pytorch_lightning.callbacks import WeightAveraging

from imgfp.learning.module import DescriptorTraining


@contextmanager
def averaged(
    averaging: WeightAveraging | None, trainer: pl.Trainer, module: pl.LightningModule
) -> Iterator[DescriptorTraining]:
    """The module, meanwhile with the averaged weights where there are any."""
    assert isinstance(module, DescriptorTraining)
    if averaging is not None:
        averaging.on_validation_epoch_start(trainer, module)  # swaps the weights, as for Lightning's own loop
    try:
        yield module
    finally:  # also after an error: the module goes on with its own weights
        if averaging is not None:
            averaging.on_validation_epoch_end(trainer, module)
