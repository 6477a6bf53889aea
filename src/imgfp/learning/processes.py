"""Several processes that train one network: joined before anything is written, so that only the first writes."""

import os
from datetime import timedelta

import torch
from torch import distributed

from imgfp.errors import InputError
from imgfp.learning.config import TrainerConfig
from imgfp.learning.machine import on_gpu

_LONGEST_WAIT = timedelta(hours=6)  # the others wait while the first process validates


def is_first() -> bool:
    """Whether this process tracks, prints and writes: the only one, or the first that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def process_of(config: TrainerConfig) -> tuple[int, int]:
    """This process's number and how many train together."""
    if not config.distributed:
        return 0, 1
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def join_processes(config: TrainerConfig) -> None:
    """Joins the processes that torchrun started.

    Raises:
        InputError: torchrun has not started this process.
    """
    if "LOCAL_RANK" not in os.environ:
        raise InputError(
            "trainer.distributed=true: torchrun starts the processes: torchrun --nproc-per-node=N train/esvit.py ..., "
            "or take trainer=cpu or trainer=gpu"
        )
    if distributed.is_initialized():
        return
    gpu = on_gpu(config)
    if gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if gpu else "gloo", timeout=_LONGEST_WAIT)


def wait_for_all() -> None:
    """Returns when every process has come here; at once where there is one."""
    if distributed.is_initialized():
        distributed.barrier()
