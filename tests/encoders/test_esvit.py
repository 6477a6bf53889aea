"""EsViT beside timm's Swin: equal where nothing is padded, any image size, gradients."""

from functools import partial

import pytest
import torch
from timm.models.swin_transformer import SwinTransformer
from torch import nn

from imgfp.encoders.esvit import EsViT
from imgfp.encoders.esvit_specs import ESVIT, EsViTSpec

SPEC = EsViTSpec(8, (2, 2, 2, 2), (1, 2, 2, 4), 4, size=128)  # grids 32, 16, 8, 4: shifts in the first three


def model(spec: EsViTSpec = SPEC, drop_path: float = 0.0) -> EsViT:
    torch.manual_seed(0)
    made = EsViT(spec, drop_path)
    for name, parameter in made.named_parameters():
        if "table" in name:  # the start values are too small to see
            nn.init.normal_(parameter)
    return made


def timm_model(esvit: EsViT) -> SwinTransformer:
    spec = esvit.spec
    made = SwinTransformer(
        spec.size,
        embed_dim=spec.embed_dim,
        depths=spec.depths,
        num_heads=spec.heads,
        window_size=spec.window,
        num_classes=0,
        strict_img_size=False,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
    )
    made.load_state_dict(esvit.state_dict())
    return made.eval()


def images(height: int, width: int) -> torch.Tensor:
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(1))


def test_equals_timm_where_grids_are_full_windows() -> None:
    esvit = model().eval()
    timm = timm_model(esvit)
    for size in (128, 256):
        torch.testing.assert_close(esvit(images(size, size)), timm(images(size, size)), atol=2e-6, rtol=0)


def test_pads_before_the_shift_where_they_are_not() -> None:
    """timm shifts first; the golden data say which order EsViT has."""
    esvit = model().eval()
    assert (esvit(images(112, 112)) - timm_model(esvit)(images(112, 112))).abs().max() > 1e-3


def test_gradients_are_those_of_timm() -> None:
    esvit = model().eval()
    timm = timm_model(esvit)
    for network in (esvit, timm):
        network(images(128, 128)).square().sum().backward()
    for (name, ours), (_, theirs) in zip(esvit.named_parameters(), timm.named_parameters(), strict=True):
        assert ours.grad is not None, name
        assert ours.grad.abs().sum() > 0, name
        torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-4, rtol=1e-3, msg=name)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (96, 96), (100, 160), (161, 224)])
def test_any_size(height: int, width: int) -> None:
    esvit = model().eval()
    with_gradients = esvit.features(images(height, width))
    assert with_gradients.shape == (2, esvit.feature_dim()) == (2, 8 * (4 + 4 + 8 + 8))
    assert with_gradients.dtype == torch.float32
    with torch.inference_mode():  # the fused way
        torch.testing.assert_close(esvit.features(images(height, width)), with_gradients, atol=5e-6, rtol=0)


def test_a_descriptor_is_independent_of_the_batch() -> None:
    esvit = model().eval()
    both = images(100, 100)
    with torch.inference_mode():
        torch.testing.assert_close(esvit.features(both)[1:], esvit.features(both[1:]), atol=5e-6, rtol=0)


def test_drop_path_rises_from_the_first_block_to_the_last() -> None:
    rates = [
        getattr(block.drop_path1, "drop_prob", 0.0) for stage in model(drop_path=0.7).layers for block in stage.blocks
    ]
    assert rates == pytest.approx([0.1 * block for block in range(8)])
    assert all(isinstance(block.drop_path1, nn.Identity) for stage in model().layers for block in stage.blocks)


@pytest.mark.parametrize(
    ("name", "parameters"),  # published sizes less classifier; w14: 312 tables of 560 more
    [("tiny_w7", 27_519_354), ("small_w7", 48_837_258), ("base_w7", 86_743_224), ("base_w14", 86_917_944)],
)
def test_official_sizes(name: str, parameters: int) -> None:
    with torch.device("meta"):
        made = EsViT(ESVIT[f"esvit_{name}"])
    assert sum(parameter.numel() for parameter in made.parameters()) == parameters
    windows = [stage.blocks[0].window_size[0] for stage in made.layers]
    assert windows == ([7, 7, 7, 7] if name.endswith("7") else [14, 14, 14, 7])


def test_nano_is_small_and_needs_no_padding_at_its_size() -> None:
    nano = EsViT(ESVIT["esvit_nano"])
    head = nano.feature_dim() * 256 + 256
    assert sum(parameter.numel() for parameter in nano.parameters()) + head < 8_000_000
    assert [stage.blocks[0].window_size[0] for stage in nano.layers] == [7, 7, 7, 4]
