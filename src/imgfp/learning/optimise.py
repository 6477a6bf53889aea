"""The optimiser of a recipe and its learning rate over time."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import nn

from imgfp.learning.config import AdamWConfig, CosineConfig, OptimizerConfig, ScheduleConfig


def create_optimizer(modules: Iterable[nn.Module], config: OptimizerConfig) -> torch.optim.Optimizer:
    """AdamW or SGD over all trainable parameters; biases, norms and single numbers do not decay."""
    learning = [parameter for module in modules for parameter in module.parameters() if parameter.requires_grad]
    groups = [
        {"params": [item for item in learning if item.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [item for item in learning if item.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if isinstance(config, AdamWConfig):
        return torch.optim.AdamW(groups, lr=config.lr)
    return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=True)


def learning_rate_factor(config: ScheduleConfig, steps_per_epoch: int, epochs: int) -> Callable[[int], float]:
    """step (from 0) -> factor of the learning rate."""
    warmup = max(config.warmup_epochs * steps_per_epoch, 0.0)
    total = max(epochs * steps_per_epoch, 1)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        if not isinstance(config, CosineConfig):
            return 1.0
        done = min((step - warmup) / max(total - 1 - warmup, 1), 1.0)
        return config.final + (1 - config.final) * (1 + math.cos(math.pi * done)) / 2

    return factor
