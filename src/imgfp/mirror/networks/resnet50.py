"""MIRorR's ResNet-50 in Caffe's layout: stride 2 in the 1 x 1 convolutions, conv1 with a bias, 7 x 7 mean at the end.

Batch normalisation with fixed statistics is part of the convolution before it. A layer has the name of the original's
batch normalisation, whose output (after its ReLU, where there is one) it gives.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from imgfp.mirror.networks.layers import Convolution, SamePool

_STAGES = {"2": ("abc", 64), "3": ("abcd", 128), "4": ("abcdef", 256), "5": ("abc", 512)}
_EPSILON = 1e-5
_STATISTICS = ("gamma", "beta", "moving_mean", "moving_variance")


class Block(nn.Module):
    """A bottleneck; the first of a stage has a convolution on its shortcut."""

    def __init__(self, inputs: int, width: int, stride: int, shortcut: bool) -> None:
        super().__init__()
        self.branch1 = Convolution(inputs, width * 4, 1, stride, relu=False) if shortcut else None
        self.branch2a = Convolution(inputs, width, 1, stride)
        self.branch2b = Convolution(width, width, 3)
        self.branch2c = Convolution(width, width * 4, 1, relu=False)

    def forward(self, maps: Tensor) -> Tensor:
        """(n, inputs, h, w) to (n, 4 * width, ceil(h / stride), ceil(w / stride))."""
        shortcut = maps if self.branch1 is None else self.branch1(maps)
        return functional.relu_(self.branch2c(self.branch2b(self.branch2a(maps))) + shortcut)


class ResNet50(nn.Sequential):
    """(n, 3, h, w) float32 RGB minus the mean to pool5, (n, 2048, ceil(h / 32) - 6, ceil(w / 32) - 6)."""

    dim = 2048

    def __init__(self) -> None:
        super().__init__()
        self.add_module("bn_conv1", Convolution(3, 64, 7, stride=2))
        self.add_module("pool1", SamePool(2))
        channels = 64
        for stage, (letters, width) in _STAGES.items():
            for letter in letters:
                first = letter == "a"
                block = Block(channels, width, 2 if first and stage != "2" else 1, first)
                self.add_module(f"bn{stage}{letter}", block)
                channels = width * 4
        self.add_module("pool5", nn.AvgPool2d(7, 1))

    @property
    def variables(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every variable that `fill` needs."""
        shapes: dict[str, tuple[int, ...]] = {"conv1/bias": (64,)}
        for name, layer in self._convolutions().items():
            shapes[f"{_kernel_of(name)}/kernel"] = (*layer.kernel_size, layer.in_channels, layer.out_channels)
            shapes |= {f"{name}/{statistic}": (layer.out_channels,) for statistic in _STATISTICS}
        return shapes

    def fill(self, variables: Mapping[str, Tensor]) -> None:
        """Takes the weights from the variables of a checkpoint."""
        for name, layer in self._convolutions().items():
            gamma, beta, mean, variance = (variables[f"{name}/{statistic}"].double() for statistic in _STATISTICS)
            scale = gamma / torch.sqrt(variance + _EPSILON)
            bias = variables["conv1/bias"].double() if name == "bn_conv1" else 0.0
            layer.fill(variables[f"{_kernel_of(name)}/kernel"].double() * scale, beta + (bias - mean) * scale)

    @staticmethod
    def map_side(side: int) -> int:
        """The side of the feature map of an image with sides of `side` pixels."""
        return -(-side // 32) - 6

    def _convolutions(self) -> dict[str, Convolution]:
        return {name.replace(".", "_"): layer for name, layer in self.named_modules() if isinstance(layer, Convolution)}


def _kernel_of(normalisation: str) -> str:
    return "conv1" if normalisation == "bn_conv1" else normalisation.replace("bn", "res", 1)
