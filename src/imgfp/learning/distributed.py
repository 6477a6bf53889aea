"""Several processes that train one network; they join before anything is written, so that only the first writes."""

import os
from datetime import timedelta

import torch
from torch import distributed

from imgfp.errors import InputError
from imgfp.learning.config import TrainerConfig
from imgfp.learning.trainer import on_gpu

_LONGEST_WAIT = timedelta(hours=6)  # the others wait while the first process validates


def is_first() -> bool:
    """Whether this process tracks, prints and writes: the only one, or the first that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def process_of(config: TrainerConfig) -> tuple[int, int]:
    """The rank of this process, and how many train together."""
    if not config.distributed:
        return 0, 1
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def join_processes(config: TrainerConfig) -> None:
    """Joins the processes that torchrun started.

    Raises:
        InputError: torchrun did not start this process.
    """
    if "LOCAL_RANK" not in os.environ:
        raise InputError(
            "trainer.distributed=true: start the processes by torchrun --nproc-per-node=N train/esvit.py ..., "
            "or choose trainer=cpu or trainer=gpu"
        )
    if distributed.is_initialized():
        return
    gpu = on_gpu(config)
    if gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if gpu else "gloo", timeout=_LONGEST_WAIT)


def wait_for_all() -> None:
    """A barrier for all processes; returns at once where there is only one."""
    if distributed.is_initialized():
        distributed.barrier()


def gather_texts(text: str) -> list[str]:
    """One text of each process, in order of rank, sent as bytes in tensors: what is received cannot run code."""
    if not distributed.is_initialized():
        return [text]
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    content = torch.frombuffer(bytearray(text.encode() or b" "), dtype=torch.uint8).to(device)
    length = torch.tensor([len(content)], device=device)
    lengths = [torch.zeros_like(length) for _ in range(distributed.get_world_size())]
    distributed.all_gather(lengths, length)
    longest = max(int(each) for each in lengths)
    padded = torch.nn.functional.pad(content, (0, longest - len(content)))
    parts = [torch.zeros_like(padded) for _ in lengths]
    distributed.all_gather(parts, padded)
    return [bytes(part[: int(each)].tolist()).decode() for part, each in zip(parts, lengths, strict=True)]
