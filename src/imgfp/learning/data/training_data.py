"""The training pictures of a run.

No Lightning here: worker processes import this package, and it would double the time they take to start.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imgfp.edits import EditsConfig
from imgfp.errors import InputError
from imgfp.images import Failure, ImageList, read_resized
from imgfp.learning.data.batch import VIEW, Batch
from imgfp.learning.data.config import PairsConfig
from imgfp.learning.data.image_pool import ImagePool
from imgfp.learning.data.loader import Batches, BatchKeys, Pictures
from imgfp.learning.data.mining import HardNegativeTable
from imgfp.learning.data.plan import Plan


class TrainingData:
    """Everything a training reads. Made by `open_training`.

    Each process makes its own share of a step's items; `rank` of `world` says which.

    Attributes:
        trained_queries: The ground-truth queries that are trained on; None where there is no ground truth.
    """

    def __init__(
        self,
        image_pool: ImagePool,
        config: PairsConfig,
        edits: EditsConfig,
        seed: int,
        size_of_epoch: Callable[[int], int],
        rank: int = 0,
        world: int = 1,
        trained_queries: ImageList | None = None,
    ) -> None:
        self.image_pool, self.config, self.edits = image_pool, config, edits
        self.size_of_epoch, self.rank, self.world, self.trained_queries = size_of_epoch, rank, world, trained_queries
        self.plan = Plan(image_pool, seed)
        self.table = HardNegativeTable(image_pool.pictures, image_pool.negatives, config.hard_negatives)
        self._keys = BatchKeys(self.plan, config.batch, size_of_epoch, self.table.of, rank, world)

    @property
    def batches_per_epoch(self) -> int:
        """Of each process."""
        return len(self._keys)

    @property
    def images_per_epoch(self) -> int:
        """Of all processes together, where none fails."""
        return len(self.plan) * (2 + self.config.negatives)

    def train_dataloader(self) -> Batches:
        """Passes through an epoch; the trainer needs `use_distributed_sampler=False`."""
        pictures = Pictures(self.image_pool, self.plan, self.edits, self.config.negatives)
        return Batches(pictures, self._keys, self.config.workers)

    def collect(self, batch: Batch, descriptors: torch.Tensor) -> None:
        """Notes what the network made of a batch, for the next epoch's hard negatives. All processes must call it.

        Args:
            batch: Of this process.
            descriptors: (n, d), one row a row of the batch.
        """
        if not self.config.hard_negatives:
            return
        from imgfp.learning.losses import gather  # here, because it loads more than workers need

        with torch.no_grad():  # two facts in one number: what `gather` carries beside the rows
            rows, codes = gather(descriptors.detach(), batch.labels * 2 + (batch.kinds != VIEW))
        facts = codes.cpu().numpy()
        self.table.fill(facts // 2, rows.float().cpu().numpy(), facts % 2 == 1)

    def end_epoch(self) -> None:
        """Mines the hard negatives of the next epoch."""
        if self.config.hard_negatives:
            self.table.end_epoch()

    def state_dict(self) -> dict[str, Any]:
        """What must be known to go on at an epoch's end."""
        return self.table.state_dict() if self.config.hard_negatives else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Back from a checkpoint.

        Raises:
            InputError: it is of other pictures.
        """
        if self.config.hard_negatives:
            self.table.load_state_dict(state_dict)

    def sample_photographs(self, count: int, size: int) -> tuple[np.ndarray, Sequence[Failure]]:
        """Unedited training photographs, evenly spread over all of them; all where there are fewer than `count`.

        Returns:
            (n, size, size, 3) uint8 RGB, and the failures, which have no row.

        Raises:
            InputError: none can be read.
        """
        photographs = self.image_pool.photographs
        places = np.linspace(0, len(photographs) - 1, min(count, len(photographs))).astype(int)
        read = [read_resized(Path(photographs[place]), size) for place in places]
        failures = [picture for picture in read if isinstance(picture, Failure)]
        if len(failures) == len(read):
            raise InputError(f"no training photograph can be read, first {failures[0].path}: {failures[0].reason}")
        return np.stack([picture for picture in read if not isinstance(picture, Failure)]), failures
