"""MIRorR's GoogLeNet up to inception_5b: convolutions with bias and ReLU, no batch normalisation.

A module's path with "_" between its parts is the name of the original's layer, and of its variables.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from imgfp.mirror.networks.layers import ChannelNorm, Convolution, SamePool

# outputs of each block: 1x1; 3x3_reduce, 3x3; 5x5_reduce, 5x5; pool_proj
_BLOCKS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


class Inception(nn.Module):
    """Four branches side by side; their outputs are concatenated in this order."""

    def __init__(self, inputs: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        one, reduce3, three, reduce5, five, project = sizes
        self.outputs = one + three + five + project
        self.branches = (("1x1",), ("3x3_reduce", "3x3"), ("5x5_reduce", "5x5"), ("pool", "pool_proj"))
        self.add_module("1x1", Convolution(inputs, one, 1))
        self.add_module("3x3_reduce", Convolution(inputs, reduce3, 1))
        self.add_module("3x3", Convolution(reduce3, three, 3))
        self.add_module("5x5_reduce", Convolution(inputs, reduce5, 1))
        self.add_module("5x5", Convolution(reduce5, five, 5))
        self.add_module("pool", SamePool(1))
        self.add_module("pool_proj", Convolution(inputs, project, 1))

    def forward(self, maps: Tensor) -> Tensor:
        """(n, inputs, h, w) to (n, outputs, h, w)."""
        outputs = []
        for branch in self.branches:
            output = maps
            for name in branch:
                output = self.get_submodule(name)(output)
            outputs.append(output)
        return torch.cat(outputs, dim=1)


class GoogLeNet(nn.Sequential):
    """(n, 3, h, w) float32 RGB minus the mean to inception_5b's output, (n, 1024, ceil(h / 32), ceil(w / 32))."""

    dim = 1024

    def __init__(self) -> None:
        super().__init__()
        stem = {
            "conv1_7x7_s2": Convolution(3, 64, 7, stride=2),
            "pool1_3x3_s2": SamePool(2),
            "pool1_norm1": ChannelNorm(),
            "conv2_3x3_reduce": Convolution(64, 64, 1),
            "conv2_3x3": Convolution(64, 192, 3),
            "conv2_norm2": ChannelNorm(),
            "pool2_3x3_s2": SamePool(2),
        }
        for name, layer in stem.items():
            self.add_module(name, layer)
        channels = 192
        for name, sizes in _BLOCKS.items():
            if name in ("4a", "5a"):
                self.add_module(f"pool{int(name[0]) - 1}_3x3_s2", SamePool(2))
            block = Inception(channels, sizes)
            self.add_module(f"inception_{name}", block)
            channels = block.outputs

    @property
    def variables(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every variable that `fill` needs."""
        shapes: dict[str, tuple[int, ...]] = {}
        for name, layer in self._convolutions().items():
            shapes[f"{name}/kernel"] = (*layer.kernel_size, layer.in_channels, layer.out_channels)
            shapes[f"{name}/bias"] = (layer.out_channels,)
        return shapes

    def fill(self, variables: Mapping[str, Tensor]) -> None:
        """Takes the weights from the variables of a checkpoint."""
        for name, layer in self._convolutions().items():
            layer.fill(variables[f"{name}/kernel"], variables[f"{name}/bias"])

    @staticmethod
    def map_side(side: int) -> int:
        """The side of the feature map of an image with sides of `side` pixels."""
        return -(-side // 32)

    def _convolutions(self) -> dict[str, Convolution]:
        return {name.replace(".", "_"): layer for name, layer in self.named_modules() if isinstance(layer, Convolution)}
