"""EsViT: Swin transformers with EsViT's padding and shifts, on timm's layers. Import it late: timm takes seconds to load.

If a grid is not a multiple of the window, EsViT pads it with zeros to full windows *before* the cyclic shift, and the
zeros take part in attention (microsoft/esvit, models/swin_transformer.py); timm shifts first. At the size the network was
built for both agree. Windows and shifts are fixed by that size whatever the input size, so the weights fit any size.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from timm.models.swin_transformer import SwinTransformer, window_partition, window_reverse
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from imgfp.encoders.esvit_specs import EsViTSpec

LAST_BLOCKS = 4  # imgFp's feature: token means of these blocks


class EsViT(SwinTransformer):
    """The transformer without a head; takes normalised images (n, 3, h, w)."""

    patch_embed: Any  # their submodules are attributes that nn.Module does not declare
    layers: Any
    norm: Any

    def __init__(self, spec: EsViTSpec, drop_path: float = 0.0) -> None:
        """Initialises weights as EsViT does: linear layers normal with standard deviation 0.02, biases 0."""
        norm_layer: Any = partial(nn.LayerNorm, eps=1e-6)
        super().__init__(
            img_size=spec.size,
            embed_dim=spec.embed_dim,
            depths=spec.depths,
            num_heads=spec.heads,
            window_size=spec.window,
            num_classes=0,
            strict_img_size=False,
            drop_path_rate=drop_path,
            norm_layer=norm_layer,
        )
        self.spec = spec
        self.checkpointing = False

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Whether a block's activations are recomputed in the backward pass; timm's own flag is for its own `forward`."""
        self.checkpointing = enable

    def patch_tokens(self, pixels: Tensor) -> Tensor:
        """(n, 3, h, w) to (n, h // 4, w // 4, embed_dim), float32 even under autocast: residuals are summed in float32."""
        tokens: Tensor = self.patch_embed.norm(self.patch_embed.proj(pixels).permute(0, 2, 3, 1))
        return tokens.float()

    def features(self, pixels: Tensor, blocks: int = LAST_BLOCKS) -> Tensor:
        """Concatenated token means of the last `blocks` blocks: (n, feature_dim(blocks)) float32."""
        first = sum(self.spec.depths) - blocks
        means = [
            tokens.mean((1, 2), dtype=torch.float32)
            for number, tokens in enumerate(self._outputs(pixels))
            if number >= first
        ]
        return torch.cat(means, dim=1)

    def feature_dim(self, blocks: int = LAST_BLOCKS) -> int:
        """Length of `features`."""
        widths = [self.spec.embed_dim * 2**stage for stage, depth in enumerate(self.spec.depths) for _ in range(depth)]
        return sum(widths[-blocks:])

    def forward_features(self, pixels: Tensor) -> Tensor:
        """The last grid after the final norm, (n, rows, columns, 8 * embed_dim)."""
        *_, tokens = self._outputs(pixels)
        return tokens

    def _outputs(self, pixels: Tensor) -> Iterator[Tensor]:
        """Yields the tokens after each block; the final norm is applied in the last stage only."""
        tokens = self.patch_tokens(pixels)
        last = len(self.layers) - 1
        for number, stage in enumerate(self.layers):
            tokens = stage.downsample(tokens)
            for block in stage.blocks:
                if self.checkpointing and self.training and torch.is_grad_enabled():
                    tokens = checkpoint(_after, block, tokens, use_reentrant=False)
                else:
                    tokens = _after(block, tokens)
                yield self.norm(tokens) if number == last else tokens


def _after(block: Any, tokens: Tensor) -> Tensor:
    """The tokens after one block."""
    tokens = tokens + block.drop_path1(_attended(block, block.norm1(tokens)))
    tokens = tokens + block.drop_path2(block.mlp(block.norm2(tokens)))
    return tokens


def _attended(block: Any, tokens: Tensor) -> Tensor:
    """Attention within (shifted) windows, (n, h, w, c) to the same shape."""
    _, rows, columns, width = tokens.shape
    side, shift = block.window_size[0], block.shift_size[0]
    padded = nn.functional.pad(tokens, (0, 0, 0, -columns % side, 0, -rows % side))
    high, wide = padded.shape[1:3]
    if shift:
        padded = torch.roll(padded, (-shift, -shift), dims=(1, 2))
    windows = window_partition(padded, (side, side)).view(-1, side * side, width)
    mask = _shift_mask(high, wide, side, shift, tokens.device) if shift else None
    windows = _window_attention(block.attn, windows, mask).view(-1, side, side, width)
    merged = window_reverse(windows, (side, side), high, wide)
    if shift:
        merged = torch.roll(merged, (shift, shift), dims=(1, 2))
    return merged[:, :rows, :columns]


def _window_attention(attention: Any, windows: Tensor, mask: Tensor | None) -> Tensor:
    """Multi-head attention with relative position bias, (n * windows, t, c) to the same shape.

    Masked windows of one image are placed in the head dimension, so one bias serves the entire batch; timm copies it for
    every image. torch's fused attention has no backward pass for a learned bias on the CPU, and its fallback is slower
    than the explicit formula.
    """
    count, area, width = windows.shape
    heads, groups = attention.num_heads, 1 if mask is None else len(mask)
    query, key, value = (
        attention.qkv(windows)
        .view(count, area, 3, heads, -1)
        .permute(2, 0, 3, 1, 4)
        .reshape(3, count // groups, groups * heads, area, -1)
        .unbind(0)
    )
    bias = attention.relative_position_bias_table[attention.relative_position_index.view(-1)]
    bias = bias.view(1, area, area, heads).permute(0, 3, 1, 2)
    if mask is not None:
        bias = (bias + mask[:, None]).reshape(1, groups * heads, area, area)
    bias = bias.to(query.dtype)
    if bias.requires_grad and query.device.type == "cpu":
        mixed = (query * attention.scale @ key.transpose(-2, -1) + bias).softmax(-1).to(value.dtype) @ value
    else:
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    projected: Tensor = attention.proj(mixed.view(count, heads, area, -1).transpose(1, 2).reshape(count, area, width))
    return projected


def _shift_mask(high: int, wide: int, side: int, shift: int, device: torch.device) -> Tensor:
    """(windows, t, t): -100 between tokens that are adjacent only because of the cyclic shift, else 0."""

    def zones(length: int) -> Tensor:
        place = torch.arange(length, device=device)
        return (place >= length - side).long() + (place >= length - shift).long()

    zone = zones(high)[:, None] * 3 + zones(wide)[None]
    zone = window_partition(zone[None, :, :, None], (side, side)).view(-1, side * side)
    return torch.zeros((), device=device).masked_fill(zone[:, None] != zone[:, :, None], -100.0)
