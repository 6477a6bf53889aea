"""The network that describes pictures: normalisation, trunk, pooling, head and L2 norm in one module."""

import difflib
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from imgfp.encoders.esvit_specs import ESVIT, MEAN, STD
from imgfp.encoders.load_report import LoadReport
from imgfp.encoders.weights import EMBEDDED, EMBEDDED_ARCHITECTURE
from imgfp.errors import InputError

GEM_P = 3.0


@dataclass(frozen=True)
class NetworkConfig:
    """Which network is trained, and from where."""

    architecture: str = "esvit_base_w14"  # a name of ESVIT, the embedded network, or any model name of timm
    dim: int = 256  # of the descriptor; 0: no head, the pooled features themselves
    gem_p: float = GEM_P  # power of the generalised mean; an EsViT takes token means instead
    weights: str | None = None  # an export, or a checkpoint of EsViT or imgFp; None: random, embedded: ImageNet
    drop_path: float = 0.0  # probability to skip the last block in training, rising from 0 at the first

    def __post_init__(self) -> None:
        if self.dim < 0:
            raise InputError(f"dim={self.dim}: give the length of the descriptor, or 0 for the pooled features")
        if not self.gem_p > 0:
            raise InputError(f"gem_p={self.gem_p}: give a number above 0")
        if not 0 <= self.drop_path < 1:
            raise InputError(f"drop_path={self.drop_path}: give a probability from 0 to below 1")
        if self.architecture in ESVIT and self.gem_p != GEM_P:
            raise InputError(
                f"gem_p={self.gem_p} has no effect with {self.architecture}, which takes token means: leave it at {GEM_P}"
            )


class Network(nn.Module):
    """Pictures to descriptors. Its weights are random until somebody fills them: see `create_network`."""

    def __init__(self, config: NetworkConfig) -> None:
        """Draws the weights from torch's current seed.

        Raises:
            InputError: no such architecture, or one without drop path where that is asked for.
        """
        super().__init__()
        self.config = config
        self.load_report: LoadReport | None = None  # of the checkpoint that filled it
        self.trunk: Any  # timm's models carry attributes that nn.Module does not declare
        if config.architecture in ESVIT:
            from imgfp.encoders.esvit import EsViT

            self.trunk = EsViT(ESVIT[config.architecture], config.drop_path)
            self.feature_dim = self.trunk.feature_dim()
            mean, std = MEAN, STD
        else:
            self.trunk = _timm_model(config).to(memory_format=torch.channels_last)
            self.feature_dim = self.trunk.num_features
            mean, std = self.trunk.default_cfg["mean"], self.trunk.default_cfg["std"]
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1) * 255, persistent=False)
        self.dim = config.dim or self.feature_dim
        self.head = _linear_head(self.feature_dim, config.dim) if config.dim else nn.Identity()

    def forward(self, pixels: Tensor) -> Tensor:
        """(n, 3, h, w) RGB, uint8 or float of 0..255, to (n, dim) float32, rows of L2 norm 1."""
        features = self.features(pixels)
        with torch.autocast(features.device.type, enabled=False):  # descriptors keep float32 under autocast
            return nn.functional.normalize(self.head(features), dim=1)

    def features(self, pixels: Tensor) -> Tensor:
        """What enters the head, (n, feature_dim) float32: token means of an EsViT, else the GeM of the last map.

        GeM: (mean of x^p)^(1/p) over positions, x >= 1e-6.
        """
        pixels = (pixels.float() - self.mean) / self.std
        if self.config.architecture in ESVIT:
            means: Tensor = self.trunk.features(pixels)
            return means
        features = self.trunk.forward_features(pixels.contiguous(memory_format=torch.channels_last))
        if features.ndim == 4 and features.shape[1] != self.feature_dim:
            features = features.permute(0, 3, 1, 2)  # Swin and others answer channels last
        elif features.ndim == 3:  # tokens (n, t, c)
            features = features.transpose(1, 2)[..., None]
        power = self.config.gem_p
        pooled: Tensor = features.float().clamp(min=1e-6).pow(power).mean(dim=(2, 3)).pow(1 / power)
        return pooled


def _linear_head(features: int, dim: int) -> nn.Linear:
    """As imgFp starts it: weights normal with deviation 0.01, biases 0."""
    head = nn.Linear(features, dim)
    nn.init.normal_(head.weight, std=0.01)
    nn.init.zeros_(head.bias)
    return head


def _timm_model(config: NetworkConfig) -> Any:
    import timm

    name = EMBEDDED_ARCHITECTURE if config.architecture == EMBEDDED else config.architecture
    if not timm.is_model(name):
        raise InputError(f"architecture={name!r}: timm has no such model; near: {near_names(name)}")
    if not config.drop_path:
        return timm.create_model(name, num_classes=0)
    try:
        return timm.create_model(name, num_classes=0, drop_path_rate=config.drop_path)
    except TypeError:
        raise InputError(f"drop_path={config.drop_path}: {name} has no drop path: leave it at 0") from None


def near_names(name: str) -> str:
    """Names that could be meant instead of `name`, the nearest first."""
    import timm

    near = difflib.get_close_matches(name, [EMBEDDED, *ESVIT, *timm.list_models()])
    return ", ".join(near or [EMBEDDED, "see timm.list_models()"])
