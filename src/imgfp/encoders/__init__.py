"""Networks that map an image to one global descriptor, their weights and model cards."""

from imgfp.encoders.card import export_network, load_export
from imgfp.encoders.custom import CustomNetworkConfig
from imgfp.encoders.encoder import (
    Encoder,
    EncoderConfig,
    create_encoder,
    encoder_from_network,
    load_network,
    resolve_encoder,
)
from imgfp.encoders.network import Network, NetworkConfig, create_network
from imgfp.encoders.pca_head import fit_pca_head, require_photographs
from imgfp.encoders.weights import EMBEDDED

__all__ = [
    "EMBEDDED",
    "CustomNetworkConfig",
    "Encoder",
    "EncoderConfig",
    "Network",
    "NetworkConfig",
    "create_encoder",
    "create_network",
    "encoder_from_network",
    "export_network",
    "fit_pca_head",
    "load_export",
    "load_network",
    "require_photographs",
    "resolve_encoder",
]
