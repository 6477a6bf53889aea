"""The training images of a run.

No Lightning here: worker processes import this package, and Lightning would double their start time.
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
from imgfp.learning.data.loader import BatchDataset, Batches, BatchKeys
from imgfp.learning.data.mining import HardNegativeTable
from imgfp.learning.data.plan import Plan


class TrainingData:
    """All images of a training. Create it by `open_training`.

    Each process builds its own share of the items of a step, by `rank` and `world`.

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
        self.table = HardNegativeTable(image_pool.images, image_pool.negatives, config.hard_negatives)
        self._keys = BatchKeys(self.plan, config, size_of_epoch, self.table.of, rank, world)

    @property
    def batches_per_epoch(self) -> int:
        """In each process."""
        return len(self._keys)

    @property
    def images_per_epoch(self) -> int:
        """Of all processes together, if none fails."""
        return self._keys.items * (2 + self.config.negatives)

    def train_dataloader(self) -> Batches:
        """Iterates over an epoch; the trainer needs `use_distributed_sampler=False`."""
        repeated = self.config.overfit_batches > 0
        dataset = BatchDataset(self.image_pool, self.plan, self.edits, self.config.negatives, repeated)
        return Batches(dataset, self._keys, self.config.workers)

    def collect(self, batch: Batch, descriptors: torch.Tensor) -> None:
        """Stores the descriptors of a batch, for the hard negatives of the next epoch. All processes must call it.

        Args:
            batch: Of this process.
            descriptors: (n, d), one per row of the batch.
        """
        if not self.config.hard_negatives:
            return
        from imgfp.learning.losses import gather  # here, because workers do not need it

        with torch.no_grad():  # `gather` carries one number beside each row: two facts in it
            rows, codes = gather(descriptors.detach(), batch.labels * 2 + (batch.kinds != VIEW))
        facts = codes.cpu().numpy()
        self.table.fill(facts // 2, rows.float().cpu().numpy(), facts % 2 == 1)

    def end_epoch(self) -> None:
        """Mines the hard negatives of the next epoch."""
        if self.config.hard_negatives:
            self.table.end_epoch()

    def state_dict(self) -> dict[str, Any]:
        """What a run needs to resume at the end of an epoch."""
        return self.table.state_dict() if self.config.hard_negatives else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores it from a checkpoint.

        Raises:
            InputError: it belongs to other images.
        """
        if self.config.hard_negatives:
            self.table.load_state_dict(state_dict)

    def sample_photographs(self, count: int, size: int) -> tuple[np.ndarray, Sequence[Failure]]:
        """Unedited training photographs, evenly spread over all of them; all if there are fewer than `count`.

        Returns:
            (n, size, size, 3) uint8 RGB, and the failures, which have no row.

        Raises:
            InputError: none can be read.
        """
        photographs = self.image_pool.photographs
        places = np.linspace(0, len(photographs) - 1, min(count, len(photographs))).astype(int)
        read = [read_resized(Path(photographs[place]), size) for place in places]
        failures = [image for image in read if isinstance(image, Failure)]
        if len(failures) == len(read):
            raise InputError(f"no training photograph can be read, first {failures[0].path}: {failures[0].reason}")
        return np.stack([image for image in read if not isinstance(image, Failure)]), failures
