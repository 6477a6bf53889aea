"""EsViT and imgFp's descriptor against golden/esvit: what the original code gave for the same weights and input."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from imgfp.encoders import Network, NetworkConfig, create_network
from imgfp.encoders.esvit_specs import ESVIT, MEAN, STD, EsViTSpec

TOLERANCE = 1e-5
HALF_TOLERANCE = 2e-2  # of descriptors


@pytest.fixture(params=["w7", "w14"])
def case(
    request: pytest.FixtureRequest, golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Network, dict[str, np.ndarray], torch.Tensor]:
    """Network loaded through imgFp's file form, expected outputs, the input as normalised numbers."""
    config = next(
        entry for entry in json.loads((golden / "esvit/config.json").read_text()) if entry["name"] == request.param
    )
    spec = EsViTSpec(config["embed_dim"], tuple(config["depths"]), tuple(config["num_heads"]), config["window"])
    assert (config["patch"], config["mlp_ratio"], config["img_size"]) == (4, 4, spec.size)
    monkeypatch.setitem(ESVIT, "golden", spec)
    torch.save({"model": load_file(golden / f"esvit/{request.param}_weights.safetensors")}, tmp_path / "imgfp.pth")
    network = create_network(NetworkConfig("golden", weights=str(tmp_path / "imgfp.pth"))).eval()
    with np.load(golden / f"esvit/{request.param}_io.npz") as stored:
        expected = dict(stored)
    return network, expected, torch.from_numpy(expected["input_int8"]).float() / 32


def close(got: torch.Tensor, wanted: np.ndarray, tolerance: float = TOLERANCE) -> None:
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got.detach().float().numpy(), wanted, rtol=0, atol=tolerance)


def as_image(normalised: torch.Tensor) -> torch.Tensor:
    """What `Network` normalises to `normalised`, as float."""
    return (normalised * torch.tensor(STD).view(3, 1, 1) + torch.tensor(MEAN).view(3, 1, 1)) * 255


def test_stored_outputs(case: Any) -> None:
    network, expected, pixels = case
    trunk = network.trunk
    with torch.inference_mode():
        for name, blocks in {**{f"last{n}": n for n in range(1, 6)}, "all_blocks": sum(trunk.spec.depths)}.items():
            features = trunk.features(pixels, blocks)
            close(features, expected[f"feat_{name}"])
            assert features.shape[1] == trunk.feature_dim(blocks)
        close(trunk.features(pixels[:, :, 64:160, 64:160]), expected["feat_last4_crop96"])
        close(trunk.patch_tokens(pixels).flatten(1, 2)[:, :64], expected["patch_embed_tokens_first64"])
        close(trunk.forward_features(pixels).flatten(1, 2), expected["grid_tokens_norm"])
        close(trunk(pixels), expected["forward_official"])
        close(trunk(pixels), expected["forward_official_list_of_two"])


def test_with_gradients(case: Any) -> None:
    """Attention is then computed in another way."""
    network, expected, pixels = case
    close(network.trunk.features(pixels), expected["feat_last4"])
    close(network.trunk.features(pixels[:, :, 64:160, 64:160]), expected["feat_last4_crop96"])


def test_descriptor(case: Any) -> None:
    network, expected, pixels = case
    with torch.inference_mode():
        close(network.head(network.trunk.features(pixels)), expected["head_linear_output"])
        close(network(as_image(pixels)), expected["descriptor_256"])
        with torch.autocast("cpu", torch.bfloat16):
            close(network(as_image(pixels)), expected["descriptor_256"], HALF_TOLERANCE)


def test_attention_of_the_last_block(case: Any) -> None:
    """Recomputed from what enters the block's attention; images of 49 tokens are one window."""
    network, expected, pixels = case
    attention = network.trunk.layers[-1].blocks[-1].attn
    seen: list[torch.Tensor] = []
    with attention.qkv.register_forward_hook(lambda module, given, made: seen.append(made)), torch.inference_mode():
        network.trunk.features(pixels[:1])
    query, key, _ = seen[0].view(49, 3, attention.num_heads, -1).permute(1, 2, 0, 3)
    bias = attention.relative_position_bias_table[attention.relative_position_index].permute(2, 0, 1)
    weights = (query @ key.transpose(-2, -1) * attention.scale + bias).softmax(-1)
    close(weights[None], expected["last_block_attention_image0"])
