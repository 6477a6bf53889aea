"""The loss of a config."""

from torch import nn

from imgfp.learning.losses.contrastive import ContrastiveConfig, contrastive_loss
from imgfp.learning.losses.custom import CustomLoss, CustomLossConfig
from imgfp.learning.losses.infonce_koleo import InfoNceKoleo, InfoNceKoleoConfig
from imgfp.learning.losses.margin import MarginConfig, margin_loss
from imgfp.learning.losses.triplet import TripletConfig, triplet_loss

ShippedConfig = ContrastiveConfig | TripletConfig | MarginConfig | InfoNceKoleoConfig
LossConfig = ShippedConfig | CustomLossConfig

LOSSES: dict[str, type[ShippedConfig]] = {
    "contrastive": ContrastiveConfig,
    "triplet": TripletConfig,
    "margin": MarginConfig,
    "infonce_koleo": InfoNceKoleoConfig,
}


def create_loss(config: LossConfig, dim: int) -> nn.Module:
    """A module that maps descriptors and labels to a scalar.

    Its forward takes descriptors (n, dim), rows of L2 norm 1, and labels (n,) int64: rows of equal labels show the same
    image. It computes in float32, for any input and also under autocast. A batch with nothing to compare (no row, one
    row, no positive where one is needed) gives 0 with a graph. The optimiser must train the parameters of a loss. With
    a memory every call enqueues its batch, so call it in training steps only.

    Args:
        config: One of `LOSSES`, or a class from outside.
        dim: Length of a descriptor.
    """
    match config:
        case ContrastiveConfig():
            return contrastive_loss(config, dim)
        case TripletConfig():
            return triplet_loss(config, dim)
        case MarginConfig():
            return margin_loss(config, dim)
        case InfoNceKoleoConfig():
            return InfoNceKoleo(config)
        case CustomLossConfig():
            return CustomLoss(config, dim)
