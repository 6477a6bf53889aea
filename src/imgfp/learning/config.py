"""How a network is trained: typed settings, checked on construction. Hydra's config groups come from these."""

import math
from dataclasses import dataclass

from imgfp.errors import InputError


def _check(condition: bool, key: str, value: object, wanted: str) -> None:
    if not condition:
        raise InputError(f"{key}={value}: must be {wanted}")


@dataclass(frozen=True)
class AdamWConfig:
    """AdamW (decoupled weight decay; Loshchilov and Hutter, 2019)."""

    lr: float = 1e-4
    weight_decay: float = 0.01  # not for biases and norms

    def __post_init__(self) -> None:
        _check(0 < self.lr < math.inf, "optimizer.lr", self.lr, "> 0")
        _check(0 <= self.weight_decay < 1, "optimizer.weight_decay", self.weight_decay, ">= 0 and < 1")


@dataclass(frozen=True)
class SgdConfig:
    """Stochastic gradient descent with Nesterov momentum."""

    lr: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 1e-4  # not for biases and norms

    def __post_init__(self) -> None:
        _check(0 < self.lr < math.inf, "optimizer.lr", self.lr, "> 0")
        _check(0 < self.momentum < 1, "optimizer.momentum", self.momentum, "> 0 and < 1")
        _check(0 <= self.weight_decay < 1, "optimizer.weight_decay", self.weight_decay, ">= 0 and < 1")


@dataclass(frozen=True)
class ConstantConfig:
    """The same learning rate throughout, after a linear warm-up."""

    warmup_epochs: float = 0.0

    def __post_init__(self) -> None:
        _check(self.warmup_epochs >= 0, "schedule.warmup_epochs", self.warmup_epochs, ">= 0")


@dataclass(frozen=True)
class CosineConfig:
    """Half a cosine down to `final` times the learning rate at the last step, after a linear warm-up."""

    warmup_epochs: float = 1.0
    final: float = 0.01

    def __post_init__(self) -> None:
        _check(self.warmup_epochs >= 0, "schedule.warmup_epochs", self.warmup_epochs, ">= 0")
        _check(0 <= self.final < 1, "schedule.final", self.final, ">= 0 and < 1")


OptimizerConfig = AdamWConfig | SgdConfig
ScheduleConfig = ConstantConfig | CosineConfig


# by name as given, Lightning's included: the one name that it is known by
_PRECISIONS = {
    "auto": "auto",
    "fp32": "fp32",
    "bf16": "bf16",
    "16-mixed": "16-mixed",
    "32-true": "fp32",
    "bf16-mixed": "bf16",
}


@dataclass(frozen=True)
class TrainerConfig:
    """Hardware, precision and how gradients become weights."""

    accelerator: str = "cpu"  # cpu, gpu, or auto: a GPU where one is available
    devices: int | str = (
        1  # processes on this machine, each with a GPU of its own where there are any; auto: one per GPU
    )
    distributed: bool = False  # one of the processes that torchrun started
    # fp32, bf16, 16-mixed (GPUs only), or auto: bf16 where the hardware supports it, else fp32
    precision: str = "auto"
    gradient_checkpointing: bool = False  # recompute activations in the backward pass: less memory, slower steps
    accumulate_grad_batches: int = 1  # batches whose gradients are added up for one optimiser step
    gradient_clip_val: float = 1.0  # largest norm of the gradient; 0: no clipping
    ema: float = 0.0  # decay of the moving average that is validated and exported; 0: the weights themselves
    frozen_batch_norm: bool = False  # keep the statistics of the initial network
    compile: bool = False  # by torch.compile: minutes before the first step, faster steps after it
    profile: bool = False  # write to the run's folder where the time of its steps goes

    def __post_init__(self) -> None:
        accelerators, precisions = ("cpu", "gpu", "auto"), tuple(dict.fromkeys(_PRECISIONS.values()))
        _check(
            self.accelerator in accelerators,
            "trainer.accelerator",
            self.accelerator,
            f"one of {', '.join(accelerators)}",
        )
        _check(self.precision in _PRECISIONS, "trainer.precision", self.precision, f"one of {', '.join(precisions)}")
        object.__setattr__(self, "precision", _PRECISIONS[self.precision])
        number = isinstance(self.devices, int) and not isinstance(self.devices, bool) and self.devices >= 1
        _check(number or self.devices == "auto", "trainer.devices", self.devices, ">= 1, or auto: one per GPU")
        _check(
            self.accumulate_grad_batches >= 1,
            "trainer.accumulate_grad_batches",
            self.accumulate_grad_batches,
            ">= 1",
        )
        _check(
            0 <= self.gradient_clip_val < math.inf,
            "trainer.gradient_clip_val",
            self.gradient_clip_val,
            ">= 0 (0: off)",
        )
        _check(0 <= self.ema < 1, "trainer.ema", self.ema, ">= 0 (0: off) and < 1, such as 0.999")


@dataclass(frozen=True)
class ValidationConfig:
    """When and on what the network is validated (descriptor track of the challenge)."""

    every_n_epochs: int = 1  # and always after the last one; 0: never
    start: bool = True  # also before the first step
    ground_truth: str | None = None  # CSV; None: ground_truth.csv of data.root
    limit: int | None = None  # validate on this many queries and as large a share of the references; None: on all
    background: int = 1000  # number of training photographs for score normalisation; 0: no normalised figures
    patience: int = 0  # stop after this many validations without a better uAP; 0: never
    keep: int = 3  # number of the best exports that stay on disk, beside the last one

    def __post_init__(self) -> None:
        for key in ("every_n_epochs", "background", "patience"):
            _check(getattr(self, key) >= 0, f"validation.{key}", getattr(self, key), ">= 0")
        _check(self.keep >= 1, "validation.keep", self.keep, ">= 1")
        _check(self.limit is None or self.limit >= 1, "validation.limit", self.limit, ">= 1, or null for all queries")
        if not self.every_n_epochs:
            for key in ("patience", "ground_truth"):
                _check(
                    not getattr(self, key),
                    f"validation.{key}",
                    getattr(self, key),
                    "unset with validation.every_n_epochs=0",
                )
