"""Common part of the losses over pairs and triplets: which rows are compared, in which precision."""

from collections.abc import Callable

import torch
from torch import nn

from imgfp.learning.losses.memory import Memory

# (same label (n, m), positive (n, m)), both bool, to index tensors as pytorch-metric-learning takes them
Chooser = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, ...]]


def all_pairs(same: torch.Tensor, positive: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Anchor and positive of every positive pair, anchor and negative of every negative pair."""
    return *positive.nonzero(as_tuple=True), *(~same).nonzero(as_tuple=True)


def all_triplets(same: torch.Tensor, positive: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Anchor, positive and negative of every triplet.

    Starts from the few positive pairs: with a memory the library compares every positive pair with every negative one,
    which takes several times as long and n times the memory.
    """
    anchors, positives = positive.nonzero(as_tuple=True)
    pair, negatives = (~same[anchors]).nonzero(as_tuple=True)
    return anchors[pair], positives[pair], negatives


class PairwiseLoss(nn.Module):
    """A loss of pytorch-metric-learning on all pairs or triplets of a batch, or of a batch and a memory."""

    def __init__(self, loss: nn.Module, choose: Chooser, memory: Memory | None = None) -> None:
        """Wraps a loss.

        Args:
            loss: Called with descriptors, labels, index tensors, the compared descriptors and their labels.
            choose: `all_pairs` or `all_triplets`.
            memory: Rows are compared with its contents, their own batch included, instead of with their batch.
        """
        super().__init__()
        self.loss, self._choose, self.memory = loss, choose, memory

    def forward(
        self, descriptors: torch.Tensor, labels: torch.Tensor, enqueue_mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The loss of a batch, a scalar.

        Args:
            descriptors: (n, dim), rows of L2 norm 1.
            labels: (n,) int64.
            enqueue_mask: (n,) bool, only with a memory: these rows are stored and compared with, the others are the
                anchors and are not stored. Without it every row is both, and is never compared with itself.
        """
        # half precision cannot separate near copies: a distance is the root of a difference of numbers near 1
        with torch.autocast(descriptors.device.type, enabled=False):
            descriptors = descriptors.float()
            if self.memory is None:
                own = torch.arange(len(labels), device=labels.device)
                return self._compare(descriptors, labels, own, descriptors, labels)
            if enqueue_mask is None:
                own = self.memory.enqueue(descriptors, labels)
                return self._compare(descriptors, labels, own, *self.memory.contents())
            self.memory.enqueue(descriptors[enqueue_mask], labels[enqueue_mask])
            anchors = ~enqueue_mask
            return self._compare(descriptors[anchors], labels[anchors], None, *self.memory.contents())

    def _compare(
        self,
        descriptors: torch.Tensor,
        labels: torch.Tensor,
        own: torch.Tensor | None,
        others: torch.Tensor,
        other_labels: torch.Tensor,
    ) -> torch.Tensor:
        """`own`: the column of each row in `others`, which is not a positive of that row."""
        same = labels[:, None] == other_labels
        positive = same
        if own is not None:
            positive = same.clone()
            positive[torch.arange(len(own), device=own.device), own] = False
        loss = self.loss(descriptors, labels, self._choose(same, positive), others, other_labels)
        # the library drops terms that are not above 0, also those that are not finite, which must not be hidden. And every
        # parameter needs a gradient, whatever the batch: DistributedDataParallel waits for each
        idle = (descriptors * 0).sum() + sum((0 * parameter).sum() for parameter in self.loss.parameters())
        return loss.reshape(()) + idle
