"""The batches of an epoch, built by worker processes: the same bytes for any number of them, and in any epoch alone."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from imgfp.edits import EditsConfig
from imgfp.errors import InputError
from imgfp.learning.data.batch import Batch, collate
from imgfp.learning.data.config import PairsConfig
from imgfp.learning.data.image_pool import ImagePool
from imgfp.learning.data.plan import Plan
from imgfp.learning.data.sample_builder import Key, SampleBuilder

# A fork would copy locks that threads of torch and OpenCV may hold; forkserver starts faster than spawn.
_START = "forkserver"

HardNegatives = Callable[[int], tuple[int, ...]]
"""The number of an image to the numbers of its hard negatives."""


class BatchKeys(Sampler[list[Key]]):
    """The keys of the items of each batch, for one process and epoch.

    All processes have equally many batches. The items are spread evenly over them, so that sizes differ by at most one
    and the last batch has enough images to compare.
    """

    def __init__(
        self,
        plan: Plan,
        config: PairsConfig,
        size_of_epoch: Callable[[int], int],
        hard: HardNegatives,
        rank: int,
        world: int,
    ) -> None:
        if len(plan) < world:
            raise InputError(f"{len(plan)} items per epoch for {world} processes: give more photographs")
        self._plan, self._size_of_epoch, self._hard, self._rank, self._world = plan, size_of_epoch, hard, rank, world
        self._whole = -(-len(plan) // (config.batch * world))  # batches that show everything
        self._repeated = min(config.overfit_batches, self._whole)
        # of repeated batches there may be more than an epoch has
        wanted = config.limit_batches or self._whole
        self._batches = wanted if self._repeated else min(wanted, self._whole)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """From the next iteration on; Lightning calls it at the start of each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self._batches

    @property
    def items(self) -> int:
        """In the batches of all processes together."""
        parts = np.array_split(np.arange(len(self._plan)), self._whole * self._world)
        return sum(len(parts[place * self._world + rank]) for place in self._places() for rank in range(self._world))

    def __iter__(self) -> Iterator[list[Key]]:
        epoch, size = 0 if self._repeated else self.epoch, self._size_of_epoch(self.epoch)
        parts = np.array_split(self._plan.order(epoch), self._whole * self._world)
        for place in self._places():
            items = [int(item) for item in parts[place * self._world + self._rank]]
            yield [Key(epoch, item, size, self._hard(self._plan.number(epoch, item))) for item in items]

    def _places(self) -> list[int]:
        """Which batches of a whole epoch come, in order."""
        return [place % (self._repeated or self._whole) for place in range(self._batches)]


class BatchDataset(Dataset[Batch]):
    """Batches by their keys. Sent to worker processes, which build what cannot be sent.

    `keep`: batches are asked for again and again, and are built once.
    """

    def __init__(
        self, image_pool: ImagePool, plan: Plan, edits: EditsConfig, negatives: int, keep: bool = False
    ) -> None:
        self._arguments, self._keep = (image_pool, plan, edits, negatives), keep
        self._builder: SampleBuilder | None = None
        self._kept: dict[tuple[Key, ...], Batch] = {}

    def __getitem__(self, keys: Sequence[Key]) -> Batch:
        if kept := self._kept.get(tuple(keys)):
            return kept
        if self._builder is None:
            self._builder = SampleBuilder(*self._arguments)
        size = keys[0].size if keys else 1  # fewer items than processes in the last step: none for this one
        batch = collate([self._builder.item(key) for key in keys], size)
        if self._keep:
            self._kept[tuple(keys)] = batch
        return batch

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_builder": None, "_kept": {}}


class Batches:
    """What a Lightning trainer iterates over once per epoch.

    Nothing is read before the first batch is requested: a resumed trainer requests the iterator first and sets the
    epoch afterwards.
    """

    def __init__(self, dataset: BatchDataset, sampler: BatchKeys, workers: int) -> None:
        self.sampler, self._workers = sampler, workers
        if workers:
            _prepare_processes()
        self._loader: DataLoader[Batch] = DataLoader(
            dataset,
            sampler=sampler,
            batch_size=None,  # a list of keys is a batch
            collate_fn=_unchanged,
            num_workers=workers,
            persistent_workers=workers > 0,
            multiprocessing_context=_START if workers else None,
            worker_init_fn=_start_worker,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator().manual_seed(0),  # for seeds that nobody uses; not from the global state
        )

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[Batch]:
        images, failures = 0, []
        try:
            for batch in self._loader:
                images += len(batch.pixels)
                failures += batch.failures[:1]
                yield batch
        except (RuntimeError, EOFError, OSError) as error:
            if not self._workers or not _is_end_of_worker(error):
                raise
            said = " ".join(str(error).split())[:200] or type(error).__name__
            raise InputError(
                f"a worker process of the training data ended ({said}), most often for lack of memory: lower "
                f"pairs.workers (now {self._workers}), pairs.batch or pairs.negatives"
            ) from None
        if not images and failures:
            path, reason = failures[0]
            raise InputError(f"no image of epoch {self.sampler.epoch + 1} could be used, first {path}: {reason}")


def _prepare_processes() -> None:
    multiprocessing.set_forkserver_preload([__name__])
    if multiprocessing.get_start_method() not in multiprocessing.get_all_start_methods():
        # in a job of a sweep joblib sets a start method of its own, which the workers would not know
        multiprocessing.set_start_method(_START, force=True)


def _is_end_of_worker(error: Exception) -> bool:
    """Whether a worker died or could not send its images; not whether it reported an error."""
    if isinstance(error, RuntimeError):
        return any(sign in str(error) for sign in ("exited unexpectedly", "is killed by signal", "shared memory"))
    return "in DataLoader worker" not in str(error)  # the connection broke while images were received


def _unchanged(batch: Any) -> Any:
    return batch


def _start_worker(_: int) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the training process handles Ctrl-C
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A training that was killed could not end its workers. torch's own check looks at the system's parent process, which is
    not the training but the fork server, and that waits for the workers."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker has a parent"
    parent.join()  # of another process, this only waits for the end of its pipe
    os._exit(1)
