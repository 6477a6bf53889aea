"""A validation of a few images after the first step, to see early whether validation is possible at all."""

from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.callbacks import WeightAveraging

from imgfp.descriptors.encode import BATCH
from imgfp.encoders import Network
from imgfp.images import ImageList
from imgfp.learning.artifacts import Diverged
from imgfp.learning.averaging import averaged
from imgfp.learning.divergence import diverged
from imgfp.learning.recipe import Recipe
from imgfp.learning.trainer import validation_precision
from imgfp.learning.validate import JudgedSet, validate

_FEW = 4


class ValidationCheck(pl.Callback):
    """Validates on a few images once, as soon as gradients and the optimiser's state take the memory that they will take.

    Also where the untrained network was validated, which was without them, and in a resumed training, which may be on
    another machine. Last of the callbacks: the step is recorded before it.
    """

    def __init__(self, recipe: Recipe, judged: JudgedSet, folder: Path, averaging: WeightAveraging | None) -> None:
        """`folder`: of the checkpoints; `averaging`: whose weights are validated."""
        self.recipe, self.judged, self.folder, self.averaging = recipe, judged, folder, averaging
        self._first_step: int | None = None  # None: done

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Counts optimiser steps from here."""
        self._first_step = trainer.global_step + 1

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Checks after the first step; the first process does.

        Raises:
            InputError: as `validate`.
        """
        if self._first_step is None or trainer.global_step < self._first_step:
            return
        self._first_step = None
        if not trainer.is_global_zero:
            return
        with averaged(self.averaging, trainer, pl_module) as module:
            try:
                size, precision = (
                    self.recipe.size_of_epoch(trainer.current_epoch),
                    validation_precision(self.recipe.trainer),
                )
                check_validation(module.network, self.judged, size, precision)
            except Diverged as error:
                raise diverged(trainer, self.folder, str(error)) from None


def check_validation(
    network: Network, judged: JudgedSet, size: int, precision: AbstractContextManager[None] | None = None
) -> None:
    """Validates on a few queries and one full batch of references, which needs the memory of the whole validation.

    The figures mean nothing and are dropped.

    Raises:
        InputError: as `validate`.
    """
    background = None if judged.background is None else _spread(judged.background, _FEW)
    queries, references = _spread(judged.queries, _FEW), _spread(judged.references, BATCH)
    validate(network, replace(judged, queries=queries, references=references, background=background), size, precision)


def _spread(images: ImageList, count: int) -> ImageList:
    """Evenly over all of them: an unreadable part of a list does not fail the check."""
    return images.take(np.unique(np.linspace(0, len(images) - 1, min(count, len(images))).astype(int)).tolist())
