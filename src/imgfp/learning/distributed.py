"""Several processes that train one network; they join before anything is written, so that only the first writes."""

import multiprocessing
import os
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed

from imgfp.errors import InputError
from imgfp.learning.config import TrainerConfig
from imgfp.learning.trainer import on_gpu, trains_together
from imgfp.threads import thread_count

_LONGEST_WAIT = timedelta(hours=6)  # the others wait while the first process validates
_GRACE = 20.0  # seconds for processes to end by themselves once one has failed or Ctrl-C was pressed
_Result = TypeVar("_Result")


def is_first() -> bool:
    """Whether this process tracks, prints and writes: the only one, or the first that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def process_of(config: TrainerConfig) -> tuple[int, int]:
    """The rank of this process, and how many train together."""
    if not trains_together(config):
        return 0, 1
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def processes_to_start(config: TrainerConfig) -> int:
    """How many processes `trainer.devices` asks for; 1 in each of them, and where torchrun started this one.

    Raises:
        InputError: there are not as many GPUs.
    """
    gpu = on_gpu(config)
    if "LOCAL_RANK" in os.environ:
        return 1
    if config.devices == "auto":
        return max(torch.cuda.device_count(), 1) if gpu else 1
    return int(config.devices)


def call_in_processes(count: int, function: Callable[..., _Result], *arguments: Any) -> _Result:
    """Calls `function(*arguments)` in `count` new processes of this machine, each with its rank; the result of the first.

    Raises:
        InputError: whatever one of them raised; the others are ended.
    """
    from torch.multiprocessing import ProcessExitedException, ProcessRaisedException, start_processes

    answers = multiprocessing.get_context("spawn").SimpleQueue()
    found: list[Any] = []
    shared = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(_free_port()),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "IMGFP_THREADS": str(max(thread_count() // count, 1)),
    }
    started = start_processes(_call, (shared, answers, function, arguments), count, join=False)
    try:
        ended = False
        while not ended:
            ended = started.join(timeout=0.5, grace_period=_GRACE)
            while not answers.empty():  # also while they run: a long answer would wait to be read
                found.append(answers.get())
    except (ProcessExitedException, ProcessRaisedException):
        while not answers.empty():
            found.append(answers.get())
        for error in found:
            if isinstance(error, InputError):
                raise error from None
        raise
    except KeyboardInterrupt:  # which the terminal has sent to all of them
        for process in started.processes:
            process.join(_GRACE)
            process.terminate()
        raise
    result: _Result = found[0]
    return result


def _call(rank: int, shared: dict[str, str], answers: Any, function: Callable[..., Any], arguments: Any) -> None:
    os.environ.update(shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)})
    try:
        result = function(*arguments)
    except InputError as error:
        answers.put(error)
        raise SystemExit(1) from None
    if rank == 0:
        answers.put(result)


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def join_processes(config: TrainerConfig) -> None:
    """Joins the processes that torchrun or `trainer.devices` started.

    Raises:
        InputError: neither has started this process, or torchrun has started another number than `trainer.devices`.
    """
    if "LOCAL_RANK" not in os.environ:
        raise InputError(
            "trainer.distributed=true: give trainer.devices=N, or start the processes by torchrun --nproc-per-node=N "
            "train/esvit.py ..., or choose trainer=cpu or trainer=gpu"
        )
    local = os.environ.get("LOCAL_WORLD_SIZE", "1")
    if config.devices not in (1, "auto") and str(config.devices) != local:
        raise InputError(f"trainer.devices={config.devices}, but torchrun started {local} processes: leave it out")
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
