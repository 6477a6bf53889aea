"""The descriptor network: normalisation, backbone, pooling, head and L2 norm in one module."""

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
    """Architecture and initial weights of a network."""

    architecture: str = "esvit_base_w14"  # a key of ESVIT, the embedded network, or any timm model
    dim: int = 256  # descriptor dimension; 0: no head, the pooled features
    gem_p: float = GEM_P  # GeM power; an EsViT uses token means instead
    weights: str | None = None  # an export, or an EsViT or imgFp checkpoint; None: random, embedded network: ImageNet
    drop_path: float = 0.0  # stochastic depth rate of the last block, increasing linearly from 0 at the first
    # timm's weights; None: ImageNet's for the embedded network, otherwise random ones, which a recipe refuses for a timm model
    pretrained: bool | None = None

    def __post_init__(self) -> None:
        if self.dim < 0:
            raise InputError(f"dim={self.dim}: must be the descriptor dimension, or 0 for the pooled features")
        if not self.gem_p > 0:
            raise InputError(f"gem_p={self.gem_p}: must be > 0")
        if not 0 <= self.drop_path < 1:
            raise InputError(f"drop_path={self.drop_path}: must be >= 0 and < 1")
        if self.architecture in ESVIT and self.gem_p != GEM_P:
            raise InputError(
                f"gem_p={self.gem_p} has no effect with {self.architecture}, which uses token means: leave it at {GEM_P}"
            )
        if self.pretrained and self.weights is not None:
            raise InputError(f"network.pretrained=true and network.weights={self.weights}: give one of them")
        if self.pretrained and self.architecture in ESVIT:
            raise InputError(
                f"network.pretrained=true: no weights of {self.architecture} are bundled or downloaded: "
                "give network.weights=CHECKPOINT"
            )


class Network(nn.Module):
    """Maps images to descriptors. Weights are random after construction; `create_network` loads them."""

    def __init__(self, config: NetworkConfig) -> None:
        """Initialises the weights from torch's current random state.

        Raises:
            InputError: unknown architecture, or `drop_path` is set and the architecture does not support it.
        """
        super().__init__()
        self.config: Any = config  # of a class from outside a CustomNetworkConfig
        self.load_report: LoadReport | None = None  # set when a checkpoint is loaded
        self.trunk: Any  # timm's models have attributes that nn.Module does not declare
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
        """(n, 3, h, w) RGB, uint8 or float in 0..255, to (n, dim) float32, rows of L2 norm 1."""
        features = self.features(pixels)
        with torch.autocast(features.device.type, enabled=False):  # descriptors stay float32 under autocast
            return nn.functional.normalize(self.head(features), dim=1)

    def features(self, pixels: Tensor) -> Tensor:
        """The head's input, (n, feature_dim) float32: token means of an EsViT, otherwise GeM over the last feature map.

        GeM: (mean of x^p)^(1/p) over positions, with x clamped to >= 1e-6.
        """
        if self.config.architecture in ESVIT:
            means: Tensor = self.trunk.features(self._normalised(pixels))
            return means
        power = self.config.gem_p
        maps = self.feature_map(pixels).float().clamp(min=1e-6)
        pooled: Tensor = maps.pow(power).mean(dim=(2, 3)).pow(1 / power)
        return pooled

    def feature_map(self, pixels: Tensor) -> Tensor:
        """Pixels, as `forward`, to the trunk's last feature map, (n, feature_dim, h', w'); tokens are a map of width 1."""
        maps: Tensor = self.trunk.forward_features(
            self._normalised(pixels).contiguous(memory_format=torch.channels_last)
        )
        if maps.ndim == 4 and maps.shape[1] != self.feature_dim:
            maps = maps.permute(0, 3, 1, 2)  # Swin and others return channels last
        elif maps.ndim == 3:  # tokens (n, t, c)
            maps = maps.transpose(1, 2)[..., None]
        return maps

    def checkpoint_gradients(self) -> None:
        """Recomputes activations in the backward pass from now on, where they would fill the memory.

        Raises:
            InputError: the architecture does not support it.
        """
        try:
            self.trunk.set_grad_checkpointing(True)
        except (AttributeError, AssertionError, NotImplementedError):
            raise InputError(
                f"trainer.gradient_checkpointing=true: {self.config.architecture} does not support it: "
                "leave it out, and lower pairs.batch or size instead"
            ) from None

    def _normalised(self, pixels: Tensor) -> Tensor:
        return (pixels.float() - self.mean) / self.std


def _linear_head(features: int, dim: int) -> nn.Linear:
    """Initialised as in imgFp: weights normal with standard deviation 0.01, biases 0."""
    head = nn.Linear(features, dim)
    nn.init.normal_(head.weight, std=0.01)
    nn.init.zeros_(head.bias)
    return head


def _timm_model(config: NetworkConfig) -> Any:
    import timm

    name = EMBEDDED_ARCHITECTURE if config.architecture == EMBEDDED else config.architecture
    if not timm.is_model(name):
        raise InputError(f"architecture={name!r}: unknown timm model: closest matches: {similar_names(name)}")
    if not config.drop_path:
        return timm.create_model(name, num_classes=0)
    try:
        return timm.create_model(name, num_classes=0, drop_path_rate=config.drop_path)
    except TypeError:
        raise InputError(
            f"drop_path={config.drop_path}: {name} does not support stochastic depth: leave it at 0"
        ) from None


def similar_names(name: str) -> str:
    """Model names similar to `name`, closest first."""
    import timm

    near = difflib.get_close_matches(name, [EMBEDDED, *ESVIT, *timm.list_models()])
    return ", ".join(near or [EMBEDDED, "see timm.list_models()"])
