"""Margin loss: a learnt distance beta separates positives from negatives."""

import math
from dataclasses import dataclass

from imgfp.errors import InputError
from imgfp.learning.losses.checks import LONGEST, check_memory, check_number
from imgfp.learning.losses.memory import Memory
from imgfp.learning.losses.pairwise import PairwiseLoss, all_triplets


@dataclass(frozen=True)
class MarginConfig:
    """Margins are Euclidean distances of unit vectors: positives within beta - margin, negatives beyond beta + margin."""

    margin: float = 0.2
    beta: float = 1.2  # initial value; learnt
    nu: float = 0.0  # weight of beta in the loss, which lowers it
    memory: int = 0  # descriptors of earlier batches to compare with

    def __post_init__(self) -> None:
        why = "beta - margin and beta + margin must lie within 0..2"
        check_number("loss.margin", self.margin, 0, LONGEST / 2, why, above=True)
        check_number("loss.beta", self.beta, 0, LONGEST, "unit vectors are at most 2 apart", above=True)
        widest = min(self.beta, LONGEST - self.beta)
        if self.margin > widest:
            raise InputError(
                f"loss.margin={self.margin!r} with loss.beta={self.beta!r}: {why}: choose a margin of at most {widest:g} "
                "or a beta nearer 1"
            )
        check_number("loss.nu", self.nu, 0, math.inf, "the weight of beta")
        check_memory(self.memory)


def margin_loss(config: MarginConfig, dim: int) -> PairwiseLoss:
    """max(0, d(anchor, positive) - beta + margin) + max(0, beta - d(anchor, negative) + margin) of all triplets.

    Their sum is divided by the number of terms above 0; nu * beta is added. Wu et al. 2017, with one beta and without
    distance-weighted sampling. The optimiser must train the parameter `loss.beta` (1,), best without weight decay.
    """
    from pytorch_metric_learning.losses import MarginLoss

    loss = MarginLoss(margin=config.margin, nu=config.nu, beta=config.beta, learn_beta=True)
    return PairwiseLoss(loss, all_triplets, Memory(config.memory, dim) if config.memory else None)
