"""Networks that describe an image by one vector, and their weights (floor 1)."""

from imgfp.encoders.encoder import Encoder, EncoderConfig, create_encoder
from imgfp.encoders.weights import EMBEDDED

__all__ = ["EMBEDDED", "Encoder", "EncoderConfig", "create_encoder"]
