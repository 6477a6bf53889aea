"""The Lightning trainer for the hardware at hand: CPU or GPU, precision, one process or those that torchrun started."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from imgfp.errors import InputError
from imgfp.learning.config import TrainerConfig
from imgfp.progress import announce

if TYPE_CHECKING:  # importing Lightning costs seconds: only what trains does so
    import pytorch_lightning as pl
    from pytorch_lightning.callbacks import WeightAveraging

_MIXED = {"fp32": None, "bf16": torch.bfloat16, "16-mixed": torch.float16}  # what autocast computes in
_LIGHTNING = {"fp32": "32-true", "bf16": "bf16-mixed", "16-mixed": "16-mixed"}


def create_averaging(config: TrainerConfig) -> WeightAveraging | None:
    """Lightning's exponential moving average of the weights; None where `config` asks for none."""
    from pytorch_lightning.callbacks import WeightAveraging
    from torch.optim.swa_utils import get_ema_multi_avg_fn

    if not config.ema:
        return None
    device = "cuda" if on_gpu(config) else None  # without it the average would stay on the CPU
    return WeightAveraging(device, multi_avg_fn=get_ema_multi_avg_fn(config.ema))


def create_trainer(
    config: TrainerConfig, epochs: int, callbacks: list[pl.Callback], profiler: pl.profilers.Profiler | None = None
) -> pl.Trainer:
    """A trainer that shows, logs and saves nothing by itself: `callbacks` do.

    Raises:
        InputError: a GPU is required and none is available.
    """
    import pytorch_lightning as pl
    from pytorch_lightning.strategies import DDPStrategy

    _quiet()
    gpu = on_gpu(config)
    together = trains_together(config)
    world = int(os.environ.get("WORLD_SIZE", "1")) if together else 1
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if together else 1
    if together and not gpu and os.environ.get("RANK", "0") == "0":
        announce("batch norm: each process normalises its own batch (torch synchronises it on GPUs only)")
    return pl.Trainer(
        accelerator="gpu" if gpu else "cpu",
        devices=local,
        num_nodes=world // local,
        strategy=DDPStrategy(process_group_backend="nccl" if gpu else "gloo", forward_sync_buffers=False)
        if together
        else "auto",
        sync_batchnorm=gpu and together,
        use_distributed_sampler=False,  # the training data are sharded already
        callbacks=callbacks,
        max_epochs=epochs,
        precision=_LIGHTNING[precision_of(config)],  # type: ignore[arg-type]
        accumulate_grad_batches=config.accumulate_grad_batches,
        gradient_clip_val=config.gradient_clip_val or None,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        profiler=profiler,
    )


def on_gpu(config: TrainerConfig) -> bool:
    """Whether to train on a GPU.

    Raises:
        InputError: one is required, or more than there are, and none is available.
    """
    there = torch.cuda.is_available()
    if config.accelerator == "gpu" and not there:
        raise InputError("trainer.accelerator=gpu: torch sees no GPU here: use trainer=cpu")
    gpu = there and config.accelerator != "cpu"
    if config.precision == "16-mixed" and not gpu:
        raise InputError("trainer.precision=16-mixed: needs a GPU: use trainer=gpu, or trainer.precision=bf16 or fp32")
    processors = max(os.cpu_count() or 1, 2)
    if not gpu and isinstance(config.devices, int) and config.devices > processors:
        raise InputError(f"trainer.devices={config.devices}: processes on {processors} processors: lower it")
    if gpu and isinstance(config.devices, int) and config.devices > torch.cuda.device_count():
        raise InputError(
            f"trainer.devices={config.devices}: torch sees {torch.cuda.device_count()} GPUs here: lower it, or give auto"
        )
    return gpu


def trains_together(config: TrainerConfig) -> bool:
    """Whether this process is one of several, which torchrun or `trainer.devices` started."""
    return config.distributed or (config.devices != 1 and "LOCAL_RANK" in os.environ)


def precision_of(config: TrainerConfig) -> str:
    """fp32, bf16 or 16-mixed: as the recipe says, or what the hardware supports."""
    if config.precision != "auto":
        return config.precision
    if on_gpu(config):
        supported = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        supported = bool(torch.cpu.get_capabilities().get("avx512_bf16", False))
    return "bf16" if supported else "fp32"


@contextmanager
def validation_precision(config: TrainerConfig) -> Iterator[None]:
    """Computes in the training's precision within the `with` block; on a GPU TF32 is allowed for what stays in float32."""
    gpu, dtype = on_gpu(config), _MIXED[precision_of(config)]
    before = torch.get_float32_matmul_precision()
    if gpu:
        torch.set_float32_matmul_precision("high")
    try:
        with torch.autocast("cuda" if gpu else "cpu", dtype, enabled=dtype is not None):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def _quiet() -> None:
    """Silences Lightning's report of the hardware, and advice that this project follows or has declined."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",  # pairs.workers is the user's choice
        ".*The `srun` command is available.*",
        ".*Checkpoint directory .* exists and is not empty.*",
        ".*but have no logger configured.*",
        ".*treespec.*LeafSpec.*",  # Lightning's own use of torch, deprecated there
        ".*isinstance.treespec.*",
        ".*The number of training batches .* is smaller than the logging interval.*",
        ".*not guaranteed to be on the same.*lr_scheduler.step.*",
    ):
        warnings.filterwarnings("ignore", message=message)
