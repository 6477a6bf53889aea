"""Opens the network that a name and a weights file stand for."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from imgfp.encoders import EMBEDDED
from imgfp.errors import InputError
from imgfp.files import hash_file
from imgfp.mirror.networks.googlenet import GoogLeNet
from imgfp.mirror.networks.resnet50 import ResNet50
from imgfp.mirror.networks.trunk import Trunk
from imgfp.mirror.networks.variables import check_variables, read_variables

MIRROR_NETWORKS: dict[str, type[GoogLeNet | ResNet50]] = {"googlenet": GoogLeNet, "resnet-50": ResNet50}


@dataclass(frozen=True)
class MirrorNetwork:
    """A network that maps images to feature maps.

    Attributes:
        name: A key of `MIRROR_NETWORKS`, the embedded network, an EsViT or a timm model.
        dim: Channels of its feature map.
        fingerprint: Name and origin of the weights; equal fingerprints give equal maps.
        crops: True for MIRorR's networks, whose input is a square crop minus the mean (float32); False for the others,
            whose input is the whole image (uint8).
    """

    name: str
    dim: int
    fingerprint: str
    crops: bool
    module: torch.nn.Module

    def maps(self, batch: np.ndarray) -> np.ndarray:
        """The feature maps of a batch.

        Args:
            batch: (n, h, w, 3) RGB as `imgfp.mirror.preprocess` makes it for this network.

        Returns:
            (n, dim, h', w') float32, channels last in memory.
        """
        with torch.inference_mode():
            pixels = torch.from_numpy(batch).permute(0, 3, 1, 2)
            maps: np.ndarray = self.module(pixels).permute(0, 2, 3, 1).contiguous().numpy()
        return maps.transpose(0, 3, 1, 2)


def open_network(name: str = EMBEDDED, weights: str | None = None) -> MirrorNetwork:
    """Opens a network.

    Args:
        name: "googlenet" or "resnet-50" (MIRorR's), or what `imgfp.encoders.EncoderConfig` takes; timm's resnet50 and
            resnet101 also take torchvision's weights.
        weights: For MIRorR's networks the file that `imgfp convert-mirror` wrote; otherwise as in `EncoderConfig`.

    Raises:
        InputError: unknown name, or weights that are missing, damaged or of another network.
    """
    fingerprint = network_fingerprint(name, weights)
    if name not in MIRROR_NETWORKS:
        trunk = Trunk(name, weights)
        return MirrorNetwork(name, trunk.dim, fingerprint, False, trunk)
    assert weights is not None, "refused by network_fingerprint"
    module = _empty(name).to_empty(device="cpu").eval()
    module.fill(read_variables(Path(weights), module.variables))
    return MirrorNetwork(name, module.dim, fingerprint, True, module.to(memory_format=torch.channels_last))


def network_fingerprint(name: str, weights: str | None) -> str:
    """The fingerprint of a network, without loading it; a weights file of one of MIRorR's networks is checked.

    Raises:
        InputError: no weights for a network that has none built in, no such file, or the file of another network.
    """
    if weights is None:
        if name in MIRROR_NETWORKS:
            raise InputError(
                f"{name}: no weights are bundled: give --weights FILE.safetensors, made from the published model by "
                "'imgfp convert-mirror'"
            )
        return f"{name}, {'built-in' if name == EMBEDDED else 'timm'} weights"
    if name in MIRROR_NETWORKS:
        check_variables(Path(weights), network_variables(name), name)
    elif not Path(weights).is_file():
        raise InputError(f"{weights}: no such file: give the weights of {name}")
    return f"{name}, weights {hash_file(Path(weights))[:16]}"


def network_variables(name: str) -> dict[str, tuple[int, ...]]:
    """Name and shape in TensorFlow's layout of every variable that a key of `MIRROR_NETWORKS` needs; no loss layers."""
    return _empty(name).variables


def _empty(name: str) -> GoogLeNet | ResNet50:
    """The network without memory for its weights."""
    with torch.device("meta"):
        return MIRROR_NETWORKS[name]()
