"""Contrastive loss: pulls positives within one margin, pushes negatives beyond another."""

from dataclasses import dataclass

from imgfp.errors import InputError
from imgfp.learning.losses.checks import LONGEST, check_memory, check_number
from imgfp.learning.losses.memory import Memory
from imgfp.learning.losses.pairwise import PairwiseLoss, all_pairs


@dataclass(frozen=True)
class ContrastiveConfig:
    """Margins are Euclidean distances of unit vectors, 0 to 2."""

    margin: float = 1.0  # negatives closer than this are pushed away
    positive_margin: float = 0.0  # positives further apart than this are pulled together
    # descriptors of earlier batches to compare with; the best descriptor of ISC21 was trained with 20,000
    memory: int = 0

    def __post_init__(self) -> None:
        check_number("loss.margin", self.margin, 0, LONGEST, "unit vectors are at most 2 apart", above=True)
        check_number("loss.positive_margin", self.positive_margin, 0, LONGEST, "unit vectors are at most 2 apart")
        if self.positive_margin >= self.margin:
            raise InputError(
                f"loss.positive_margin={self.positive_margin!r}: positives would stay as far apart as negatives: "
                f"must be < loss.margin={self.margin!r}"
            )
        check_memory(self.memory)


def contrastive_loss(config: ContrastiveConfig, dim: int) -> PairwiseLoss:
    """max(0, d - positive_margin) of positive pairs and max(0, margin - d) of negative ones, d the Euclidean distance.

    Each kind is averaged over its own terms above 0; the two means are added (Hadsell et al. 2006, without squares).
    """
    from pytorch_metric_learning.losses import ContrastiveLoss

    loss = ContrastiveLoss(pos_margin=config.positive_margin, neg_margin=config.margin)
    return PairwiseLoss(loss, all_pairs, Memory(config.memory, dim) if config.memory else None)
