"""The layers of MIRorR's networks as TensorFlow computes them. Maps are (n, C, h, w) float32, channels last in memory."""

import torch
from torch import Tensor, nn
from torch.nn import functional


def pointwise(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A 1 x 1 convolution as one matrix product: torch's own copies maps with channels last to another order first.

    Args:
        maps: (n, C, h, w), channels last in memory.
        weight: (D, C, 1, 1).
        bias: (D,).
    """
    return functional.linear(maps.permute(0, 2, 3, 1), weight[:, :, 0, 0], bias).permute(0, 3, 1, 2)


class Convolution(nn.Conv2d):
    """A convolution with bias and (k - 1) / 2 zeros on every side, followed by ReLU unless `relu` is False."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1, relu: bool = True) -> None:
        super().__init__(inputs, outputs, size, stride, (size - 1) // 2)
        self.relu = relu

    def forward(self, maps: Tensor) -> Tensor:
        """(n, inputs, h, w) to (n, outputs, ceil(h / stride), ceil(w / stride))."""
        if self.kernel_size == (1, 1):
            step = self.stride[0]
            maps = pointwise(maps[:, :, ::step, ::step], self.weight, self.bias)
        else:
            maps = super().forward(maps)
        return functional.relu_(maps) if self.relu else maps

    def fill(self, kernel: Tensor, bias: Tensor) -> None:
        """Takes weights in TensorFlow's layout, (height, width, in, out), and a bias (out,)."""
        with torch.no_grad():
            self.weight.copy_(kernel.permute(3, 2, 0, 1))
            assert self.bias is not None
            self.bias.copy_(bias)


class SamePool(nn.Module):
    """3 x 3 max pooling with TensorFlow's SAME padding; of an even side only the end is padded where the stride is 2."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, maps: Tensor) -> Tensor:
        """(n, C, h, w) to (n, C, ceil(h / stride), ceil(w / stride))."""
        before = tuple(1 if self.stride == 1 else side % 2 for side in maps.shape[2:])
        return functional.max_pool2d(maps, 3, self.stride, before, ceil_mode=self.stride > 1)


class ChannelNorm(nn.Module):
    """Local response normalisation over 5 neighbouring channels: x / (1 + alpha * sum of squares) ** 0.75.

    `alpha` is not divided by the number of channels, as torch's own layer does.
    """

    ALPHA = 1.99999994948e-05

    def forward(self, maps: Tensor) -> Tensor:
        """(n, C, h, w) to the same shape."""
        squares = functional.pad(maps.permute(0, 2, 3, 1).square(), (2, 2))
        channels = maps.shape[1]
        total = sum(squares[..., shift : shift + channels] for shift in range(1, 5)) + squares[..., :channels]
        root = (1 + self.ALPHA * total).sqrt_()
        return maps / (root * root.sqrt()).permute(0, 3, 1, 2)
