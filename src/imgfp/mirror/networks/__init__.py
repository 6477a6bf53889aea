"""Networks that map an image to a feature map: MIRorR's GoogLeNet and ResNet-50, the embedded network, any timm backbone."""

from imgfp.mirror.networks.open_network import (
    MIRROR_NETWORKS,
    MirrorNetwork,
    network_fingerprint,
    network_variables,
    open_network,
)

__all__ = ["MIRROR_NETWORKS", "MirrorNetwork", "network_fingerprint", "network_variables", "open_network"]
