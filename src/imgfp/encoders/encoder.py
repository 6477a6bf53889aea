"""The one interface of global encoders, and its implementation on timm."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from imgfp.encoders.weights import EMBEDDED, EMBEDDED_ARCHITECTURE, load_embedded, load_safetensors
from imgfp.errors import InputError
from imgfp.threads import thread_count


@dataclass(frozen=True)
class EncoderConfig:
    """Which network describes an image."""

    name: str = EMBEDDED  # the embedded network, or any model name of timm
    weights: str | None = None  # a .safetensors file for a timm model; without one timm's own weights are looked up
    size: int = 224  # pictures are squashed to size x size
    gem_p: float = 3.0  # power of the generalised mean over the last map; 1 is the mean


class Encoder(Protocol):
    """Image batch -> descriptors."""

    name: str
    dim: int
    size: int

    def encode(self, batch: np.ndarray) -> np.ndarray:
        """(n, size, size, 3) uint8 RGB to (n, dim) float32, rows of L2 norm 1."""
        ...


class TimmEncoder:
    """A timm network's last map, GeM pooled: (mean of x^p)^(1/p) over positions, x >= 1e-6; then L2-normalised."""

    def __init__(self, config: EncoderConfig) -> None:
        """Builds the network.

        Raises:
            InputError: timm has no such model, or its weights are not at hand.
        """
        torch.set_num_threads(thread_count())
        self.name, self.size, self._p = config.name, config.size, config.gem_p
        self._model: Any = _network(config).eval().to(memory_format=torch.channels_last)
        data = self._model.default_cfg
        self._mean = torch.tensor(data["mean"]).view(1, 3, 1, 1) * 255
        self._std = torch.tensor(data["std"]).view(1, 3, 1, 1) * 255
        self.dim = int(self.encode(np.zeros((1, self.size, self.size, 3), np.uint8)).shape[1])

    @torch.inference_mode()
    def encode(self, batch: np.ndarray) -> np.ndarray:
        """See `Encoder.encode`."""
        pixels = torch.from_numpy(batch).permute(0, 3, 1, 2).float()
        pixels = ((pixels - self._mean) / self._std).contiguous(memory_format=torch.channels_last)
        features = self._model.forward_features(pixels)
        if features.ndim == 4 and features.shape[1] != self._model.num_features:
            features = features.permute(0, 3, 1, 2)  # Swin and others answer channels last
        elif features.ndim == 3:  # tokens (n, t, c)
            features = features.transpose(1, 2)[..., None]
        pooled = features.clamp(min=1e-6).pow(self._p).mean(dim=(2, 3)).pow(1 / self._p)
        return nn.functional.normalize(pooled.float(), dim=1).numpy()


def create_encoder(config: EncoderConfig) -> Encoder:
    """The encoder that `config` names."""
    return TimmEncoder(config)


def _network(config: EncoderConfig) -> Any:  # timm models carry attributes that nn.Module does not declare
    import timm

    if config.name == EMBEDDED and config.weights is not None:
        raise InputError(
            f"encoder.weights={config.weights}: the embedded encoder has its own weights: name a timm model too"
        )
    if config.name == EMBEDDED:
        return load_embedded(timm.create_model(EMBEDDED_ARCHITECTURE, num_classes=0))
    if not timm.is_model(config.name):
        near = ", ".join(timm.list_models(f"*{config.name.split('_')[0]}*")[:4]) or "see timm.list_models()"
        raise InputError(f"encoder.name={config.name!r}: timm has no such model; near: {EMBEDDED}, {near}")
    if config.weights is not None:
        return load_safetensors(timm.create_model(config.name, num_classes=0), config.weights)
    try:
        return timm.create_model(config.name, pretrained=True, num_classes=0)
    except Exception as error:  # the hub's client raises many kinds, RuntimeError for a model without weights
        raise InputError(
            f"encoder.name={config.name!r}: its weights are not at hand ({type(error).__name__}): "
            "give encoder.weights=FILE.safetensors"
        ) from None
