"""Training losses on descriptors and labels."""

from imgfp.learning.losses.contrastive import ContrastiveConfig
from imgfp.learning.losses.create import LOSSES, LossConfig, create_loss
from imgfp.learning.losses.custom import CustomLossConfig, check_custom_loss
from imgfp.learning.losses.gather import gather
from imgfp.learning.losses.infonce_koleo import InfoNceKoleoConfig
from imgfp.learning.losses.margin import MarginConfig
from imgfp.learning.losses.triplet import TripletConfig

__all__ = [
    "LOSSES",
    "ContrastiveConfig",
    "CustomLossConfig",
    "InfoNceKoleoConfig",
    "LossConfig",
    "MarginConfig",
    "TripletConfig",
    "check_custom_loss",
    "create_loss",
    "gather",
]
