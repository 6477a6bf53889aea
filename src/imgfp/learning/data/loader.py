"""An epoch's batches, made by worker processes: the same bytes whatever their number, in every epoch on its own."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from imgfp.edits import EditsConfig
from imgfp.errors import InputError
from imgfp.learning.data.batch import Batch, collate
from imgfp.learning.data.image_pool import ImagePool
from imgfp.learning.data.plan import Plan
from imgfp.learning.data.sample_builder import Key, SampleBuilder

# A fork would copy locks that torch's and OpenCV's threads may hold; of the two other ways this one starts faster.
_START = "forkserver"

HardNegatives = Callable[[int], tuple[int, ...]]
"""The numbers of a picture's hard negatives, from its number."""


class BatchKeys(Sampler[list[Key]]):
    """Names the items of each batch of one process and epoch.

    All processes have equally many batches. The items are spread evenly over all of them, so that sizes differ by at
    most one and no last batch is left with too few pictures to compare.
    """

    def __init__(
        self, plan: Plan, batch: int, size_of_epoch: Callable[[int], int], hard: HardNegatives, rank: int, world: int
    ) -> None:
        if len(plan) < world:
            raise InputError(f"{len(plan)} items an epoch for {world} processes: give more photographs")
        self._plan, self._size_of_epoch, self._hard, self._rank, self._world = plan, size_of_epoch, hard, rank, world
        self._batches = -(-len(plan) // (batch * world))
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """From the next pass on; Lightning calls it at each epoch's start."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self._batches

    def __iter__(self) -> Iterator[list[Key]]:
        epoch, size = self.epoch, self._size_of_epoch(self.epoch)
        parts = np.array_split(self._plan.order(epoch), self._batches * self._world)
        for part in parts[self._rank :: self._world]:
            items = [int(item) for item in part]
            yield [Key(epoch, item, size, self._hard(self._plan.number(epoch, item))) for item in items]


class Pictures(Dataset[Batch]):
    """Batches by their keys. Travels to worker processes; what cannot travel is made there."""

    def __init__(self, image_pool: ImagePool, plan: Plan, edits: EditsConfig, negatives: int) -> None:
        self._recipe = (image_pool, plan, edits, negatives)
        self._maker: SampleBuilder | None = None

    def __getitem__(self, keys: Sequence[Key]) -> Batch:
        if self._maker is None:
            self._maker = SampleBuilder(*self._recipe)
        size = keys[0].size if keys else 1  # fewer items than processes in the last step: nothing for this one
        return collate([self._maker.item(key) for key in keys], size)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_maker": None}


class Batches:
    """What a Lightning trainer passes through once an epoch.

    Nothing is read before the first batch is asked for: a resumed trainer asks for an iterator first and tells the
    epoch after that.
    """

    def __init__(self, pictures: Pictures, sampler: BatchKeys, workers: int) -> None:
        self.sampler, self._workers = sampler, workers
        if workers:
            _prepare_processes()
        self._loader: DataLoader[Batch] = DataLoader(
            pictures,
            sampler=sampler,
            batch_size=None,  # a key list is a batch
            collate_fn=_as_it_is,
            num_workers=workers,
            persistent_workers=workers > 0,
            multiprocessing_context=_START if workers else None,
            worker_init_fn=_start_worker,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator().manual_seed(0),  # it draws seeds that nobody uses, not from the global state
        )

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[Batch]:
        pictures, failures = 0, []
        try:
            for batch in self._loader:
                pictures += len(batch.pixels)
                failures += batch.failures[:1]
                yield batch
        except (RuntimeError, EOFError, OSError) as error:
            if not self._workers or not _is_end_of_worker(error):
                raise
            said = " ".join(str(error).split())[:200] or type(error).__name__
            raise InputError(
                f"a worker process that makes training pictures ended ({said}): most often memory is short: lower "
                f"pairs.workers (now {self._workers}), pairs.batch or pairs.negatives"
            ) from None
        if not pictures and failures:
            path, reason = failures[0]
            raise InputError(f"no picture of epoch {self.sampler.epoch + 1} could be used, first {path}: {reason}")


def _prepare_processes() -> None:
    multiprocessing.set_forkserver_preload([__name__])
    if multiprocessing.get_start_method() not in multiprocessing.get_all_start_methods():
        # a sweep's job: joblib names its own way of starting, which the workers, told of it, would not know
        multiprocessing.set_start_method(_START, force=True)


def _is_end_of_worker(error: Exception) -> bool:
    """Whether a worker is gone, or could not hand its pictures over; not whether it met an error and told it."""
    if isinstance(error, RuntimeError):
        return any(sign in str(error) for sign in ("exited unexpectedly", "is killed by signal", "shared memory"))
    return "in DataLoader worker" not in str(error)  # the connection broke while pictures were taken over


def _as_it_is(batch: Any) -> Any:
    return batch


def _start_worker(_: int) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the training process's business
