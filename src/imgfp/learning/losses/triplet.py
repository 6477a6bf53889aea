"""Triplet margin loss: every negative is to be further from the anchor than every positive, by a margin."""

from dataclasses import dataclass

from imgfp.errors import InputError
from imgfp.learning.losses.checks import LONGEST, check_memory, check_number
from imgfp.learning.losses.memory import Memory
from imgfp.learning.losses.pairwise import PairwiseLoss, all_triplets


@dataclass(frozen=True)
class TripletConfig:
    """The margin is a difference of two Euclidean distances of unit vectors."""

    margin: float = 1.0
    swap: bool = False  # use the negative's distance to the positive where it is shorter
    smooth: bool = False  # log(1 + exp(.)) instead of max(0, .): every triplet has a gradient; allows margin 0
    memory: int = 0  # descriptors of earlier batches to compare with

    def __post_init__(self) -> None:
        why = "distances of unit vectors differ by at most 2"
        check_number("loss.margin", self.margin, 0, LONGEST, why, above=not self.smooth)
        check_memory(self.memory)
        if self.swap and self.memory:
            raise InputError(
                f"loss.swap=true with loss.memory={self.memory}: positives and negatives of the memory are not "
                "compared with each other: set loss.swap=false or loss.memory=0"
            )


def triplet_loss(config: TripletConfig, dim: int) -> PairwiseLoss:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin) of all triplets, averaged over the terms above 0.

    Schroff et al. 2015, with distances that are not squared; `smooth` after Hermans et al. 2017.
    """
    from pytorch_metric_learning.losses import TripletMarginLoss

    loss = TripletMarginLoss(margin=config.margin, swap=config.swap, smooth_loss=config.smooth)
    return PairwiseLoss(loss, all_triplets, Memory(config.memory, dim) if config.memory else None)
