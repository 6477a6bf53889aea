"""Backbones of `imgfp.encoders` (the embedded network, an EsViT, an export, any timm model) up to the last feature map."""

import torch
from torch import Tensor, nn

from imgfp.encoders import EMBEDDED, EncoderConfig, load_network, resolve_encoder
from imgfp.errors import InputError
from imgfp.mirror.networks.layers import pointwise


class Trunk(nn.Module):
    """(n, 3, h, w) RGB in 0..255 to the last feature map, (n, dim, h', w') float32."""

    def __init__(self, name: str, weights: str | None) -> None:
        """Loads the backbone.

        Raises:
            InputError: unknown name, weights that are unavailable or do not fit, or no feature map for images of any size.
        """
        super().__init__()
        try:
            self.network = load_network(resolve_encoder(EncoderConfig(name, weights))).eval()
        except InputError as error:  # in the words of the options here
            text = str(error)
            for key, option in (("name", "net"), ("weights", "weights")):
                text = text.replace(f"encoder.{key}=", f"--{option} ").replace(f"encoder.{key}", f"--{option}")
            raise InputError(text) from None
        self.dim = self.network.feature_dim
        if name == EMBEDDED:
            _fold_normalisation(self.network.trunk)
        _replace_pointwise(self.network.trunk)
        _check(self, name)

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        return self.network.feature_map(pixels)


class _Pointwise(nn.Module):
    """A 1 x 1 convolution with stride 1; see `pointwise`."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias

    def forward(self, maps: Tensor) -> Tensor:
        return pointwise(maps, self.weight, self.bias)


def _replace_pointwise(module: nn.Module) -> None:
    for name, child in module.named_children():
        if type(child) is nn.Conv2d and _is_pointwise(child):
            setattr(module, name, _Pointwise(child))
        else:
            _replace_pointwise(child)


def _is_pointwise(layer: nn.Conv2d) -> bool:
    return (*layer.kernel_size, *layer.stride, layer.groups) == (1, 1, 1, 1, 1) and layer.padding == (0, 0)


def _fold_normalisation(module: nn.Module) -> None:
    """Makes each batch normalisation part of the convolution before it: the same function, without a pass over the maps."""
    from timm.layers import BatchNormAct2d

    previous: nn.Module | None = None
    for name, child in module.named_children():
        if isinstance(child, BatchNormAct2d):
            assert isinstance(previous, nn.Conv2d), "a convolution comes first in this network"
            assert child.running_var is not None
            assert child.running_mean is not None
            scale = child.weight.double() / torch.sqrt(child.running_var.double() + child.eps)
            shift = child.bias.double() - child.running_mean.double() * scale
            weight = previous.weight.double() * scale[:, None, None, None]
            previous.weight = nn.Parameter(weight.float().contiguous(memory_format=torch.channels_last))
            previous.bias = nn.Parameter(shift.float())
            setattr(module, name, child.act)
        else:
            _fold_normalisation(child)
        previous = child


def _check(trunk: Trunk, name: str) -> None:
    """Refuses what has no feature map for images of any size, such as a transformer with fixed positions."""
    try:
        with torch.inference_mode():
            shape = tuple(trunk(torch.zeros(1, 3, 160, 320)).shape)
    except (AssertionError, RuntimeError, ValueError) as error:  # architectures raise different errors
        raise InputError(
            f"{name}: cannot describe images of any size ({str(error).splitlines()[0]}): choose a convolutional network"
        ) from None
    if len(shape) != 4 or shape[1] != trunk.dim or shape[3] <= shape[2]:
        raise InputError(f"{name}: has no feature map (its output has shape {shape}): choose a convolutional network")
