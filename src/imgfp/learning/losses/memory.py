"""Cross-batch memory: the descriptors of earlier batches, as further positives and negatives (Wang et al. 2020)."""

import torch
from torch import nn

from imgfp.errors import InputError


class Memory(nn.Module):
    """A ring buffer of the last `size` descriptors and their labels, all of it in the state dict.

    Instead of pytorch-metric-learning's CrossBatchMemory, which saves neither its position nor whether it is full, is
    taken for full after an empty batch, and treats a single row as its own positive.
    """

    descriptors: torch.Tensor
    labels: torch.Tensor
    enqueued: torch.Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("descriptors", torch.zeros(size, dim))
        self.register_buffer("labels", torch.zeros(size, dtype=torch.int64))
        # since the start; the position is this mod size
        self.register_buffer("enqueued", torch.zeros((), dtype=torch.int64))

    def enqueue(self, descriptors: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Replaces the oldest rows, without a graph.

        Args:
            descriptors: (n, dim).
            labels: (n,) int64.

        Returns:
            (n,) int64, the slot of each row.

        Raises:
            InputError: more rows than slots.
        """
        size = len(self.labels)
        if len(labels) > size:
            raise InputError(
                f"loss.memory={size}: smaller than one batch of {len(labels)} descriptors, counted over all "
                f"processes: must be >= {len(labels)}, or 0 for no memory"
            )
        slots = (self.enqueued + torch.arange(len(labels), device=labels.device)) % size
        self.descriptors[slots] = descriptors.detach().to(self.descriptors.dtype)
        self.labels[slots] = labels
        self.enqueued += len(labels)
        return slots

    def contents(self) -> tuple[torch.Tensor, torch.Tensor]:
        """What is stored, in order of the slots: descriptors (m, dim) and labels (m,)."""
        filled = min(int(self.enqueued), len(self.labels))
        return self.descriptors[:filled], self.labels[:filled]
