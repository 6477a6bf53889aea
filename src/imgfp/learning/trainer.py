"""The Lightning trainer for the hardware at hand: CPU or GPU, precision, one process or those that torchrun started."""

from __future__ import annotations

import logging
import os
import warnings
from typing import TYPE_CHECKING

import torch

from imgfp.errors import InputError
from imgfp.learning.config import TrainerConfig
from imgfp.progress import announce

if TYPE_CHECKING:  # importing Lightning costs seconds: only what trains does so
    import pytorch_lightning as pl
    from pytorch_lightning.callbacks import WeightAveraging


def create_averaging(config: TrainerConfig) -> WeightAveraging | None:
    """Lightning's exponential moving average of the weights; None where `config` asks for none."""
    from pytorch_lightning.callbacks import WeightAveraging
    from torch.optim.swa_utils import get_ema_multi_avg_fn

    if not config.ema:
        return None
    device = "cuda" if on_gpu(config) else None  # without it the average would stay on the CPU
    return WeightAveraging(device, multi_avg_fn=get_ema_multi_avg_fn(config.ema))


def create_trainer(config: TrainerConfig, epochs: int, callbacks: list[pl.Callback]) -> pl.Trainer:
    """A trainer that shows, logs and saves nothing by itself: `callbacks` do.

    Raises:
        InputError: a GPU is required and none is available.
    """
    import pytorch_lightning as pl
    from pytorch_lightning.strategies import DDPStrategy

    _quiet()
    gpu = on_gpu(config)
    world = int(os.environ.get("WORLD_SIZE", "1")) if config.distributed else 1
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if config.distributed else 1
    if config.distributed and not gpu and os.environ.get("RANK", "0") == "0":
        announce("batch norm: each process normalises its own batch (torch synchronises it on GPUs only)")
    return pl.Trainer(
        accelerator="gpu" if gpu else "cpu",
        devices=local,
        num_nodes=world // local,
        strategy=DDPStrategy(process_group_backend="nccl" if gpu else "gloo", forward_sync_buffers=False)
        if config.distributed
        else "auto",
        sync_batchnorm=gpu and config.distributed,
        use_distributed_sampler=False,  # the training data are sharded already
        callbacks=callbacks,
        max_epochs=epochs,
        precision="bf16-mixed" if in_bf16(config) else "32-true",
        accumulate_grad_batches=config.accumulate_grad_batches,
        gradient_clip_val=config.gradient_clip_val or None,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def on_gpu(config: TrainerConfig) -> bool:
    """Whether to train on a GPU.

    Raises:
        InputError: one is required and none is available.
    """
    there = torch.cuda.is_available()
    if config.accelerator == "gpu" and not there:
        raise InputError("trainer.accelerator=gpu: torch sees no GPU here: use trainer=cpu")
    return there and config.accelerator != "cpu"


def in_bf16(config: TrainerConfig) -> bool:
    """Whether matrix products are computed in bf16: as the recipe says, or where the hardware supports it."""
    if config.precision != "auto":
        return config.precision == "bf16"
    if on_gpu(config):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


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
