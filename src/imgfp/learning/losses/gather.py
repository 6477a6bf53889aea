"""Descriptors of all processes in one batch, with gradients."""

from typing import Any

import torch
from torch import distributed


def gather(descriptors: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows of all processes, in order of rank, the same in every process; unchanged where there is only one.

    Every process must call it equally often, with or without rows, and run the backward pass of the same loss. The
    gradient of a process's own rows is the sum over all processes, so that the mean over processes
    that DistributedDataParallel takes of the weights' gradients is the gradient of one process with all rows.

    Args:
        descriptors: (n, dim); n may differ between processes and be 0, where an image failed.
        labels: (n,) int64.

    Returns:
        (sum of n, dim) float32 and (sum of n,) int64.
    """
    if not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size() == 1:
        return descriptors, labels
    if torch.is_grad_enabled() and not descriptors.requires_grad:
        descriptors = descriptors.detach().requires_grad_()  # the other processes wait for its backward pass
    counts = _all(torch.tensor([len(labels)], device=labels.device))
    most = int(counts.max())
    if most == 0:
        return descriptors, labels
    missing = most - len(labels)
    rows = torch.nn.functional.pad(descriptors.float(), (0, 0, 0, missing))
    filled = (torch.arange(most, device=counts.device) < counts[:, None]).flatten()
    all_labels = _all(torch.nn.functional.pad(labels, (0, missing)))
    return _Gather.apply(rows)[filled], all_labels[filled]


class _Gather(torch.autograd.Function):
    """(n, dim) of each process to (processes * n, dim); torch's differentiable version does not support every backend."""

    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor) -> torch.Tensor:
        return _all(rows)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total.chunk(distributed.get_world_size())[distributed.get_rank()]


def _all(rows: torch.Tensor) -> torch.Tensor:
    """(n, ...) of each process, of equal shape, to (processes * n, ...)."""
    parts = [torch.empty_like(rows, memory_format=torch.contiguous_format) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, rows.contiguous())
    return torch.cat(parts)
