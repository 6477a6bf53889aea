"""Checkpoints as EsViT and imgFp write them, under the names of golden/esvit; and files that are none."""

import argparse
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from imgfp.encoders import EncoderConfig, Network, NetworkConfig, create_encoder, create_network
from imgfp.encoders.esvit_specs import ESVIT, EsViTSpec
from imgfp.encoders.load_report import LoadReport
from imgfp.errors import InputError

GOLDEN_W7 = EsViTSpec(8, (2, 2, 4, 2), (2, 2, 4, 8), 7)


@pytest.fixture
def names(golden: Path) -> dict[str, list[str]]:
    return json.loads((golden / "esvit/checkpoint_key_names.json").read_text())


@pytest.fixture
def weights(golden: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """imgFp's names; the architecture is known as esvit_golden_w7, and with windows of 14 as esvit_golden_w14."""
    monkeypatch.setitem(ESVIT, "esvit_golden_w7", GOLDEN_W7)
    monkeypatch.setitem(ESVIT, "esvit_golden_w14", EsViTSpec(8, (2, 2, 4, 2), (2, 2, 4, 8), 14))
    return load_file(golden / "esvit/w7_weights.safetensors")


def under(names: list[str], weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The golden weights under the names of a real checkpoint; synthetic tensors for heads that they lack."""
    return {name: weights.get(name.removeprefix("module."), torch.full((3, 2), 7.0)) for name in names}


def saved(path: Path, content: object) -> str:
    torch.save(content, path)
    return str(path)


def started(weights: str, architecture: str = "esvit_golden_w7", dim: int = 256) -> Network:
    torch.manual_seed(1)
    return create_network(NetworkConfig(architecture, dim, weights=weights))


def search_report(network: Network) -> LoadReport:
    assert network.load_report is not None
    return network.load_report


def refused(weights: str, architecture: str = "esvit_micro_w4", dim: int = 256) -> str:
    with pytest.raises(InputError) as caught:
        started(weights, architecture, dim)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def expect_golden_trunk(network: Network, weights: dict[str, torch.Tensor]) -> None:
    trunk = network.trunk.state_dict()
    torch.testing.assert_close(
        trunk["layers.3.downsample.reduction.weight"], weights["layers.2.downsample.reduction.weight"]
    )
    for name in (
        "norm.bias",
        "layers.3.blocks.1.mlp.fc2.weight",
        "layers.0.blocks.1.attn.relative_position_bias_table",
    ):
        torch.testing.assert_close(trunk[name], weights[name])


def test_official_checkpoint(tmp_path: Path, names: dict, weights: dict) -> None:
    """The teacher is taken; heads of self-supervised training are dropped; ours stays as it was drawn."""
    teacher = under(names["teacher_without_batchnorm_heads"], weights)
    student = {name: torch.zeros_like(tensor) for name, tensor in under(names["student_in_ddp"], weights).items()}
    content = {
        "student": student,
        "teacher": teacher,
        "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]},
        "epoch": 300,
        "args": argparse.Namespace(arch="swin_tiny", local_crops_number=[8]),
        "dino_loss": {"center": torch.zeros(1, 4)},
    }
    network = started(saved(tmp_path / "official.pth", content))
    expect_golden_trunk(network, weights)
    fresh = create_fresh()
    torch.testing.assert_close(network.head.weight, fresh.head.weight)
    report = search_report(network)
    assert report.source.endswith("official.pth (teacher)")
    assert report.missing == ("head.weight", "head.bias")
    assert report.interpolated == ()
    assert set(report.used) | set(report.dropped) == set(teacher)
    assert not set(report.used) & set(report.dropped)
    assert len(report.used) == len(network.trunk.state_dict())
    assert str(report).splitlines() == [
        f"{report.source}: 145 tensors used, 0 of them interpolated",
        "  dropped 26: relative_position_index 10, head.mlp 6, head.last_layer 2, head_dense.mlp 6, head_dense.last_layer 2",
        "  missing 2: head.weight 1, head.bias 1 (random)",
    ]
    listing = report.listing().splitlines()
    assert len(listing) == 145 + 26 + 2
    assert {"used norm.weight", "dropped head.mlp.0.weight", "missing head.bias"} <= set(listing)


def create_fresh() -> Network:
    torch.manual_seed(1)
    return Network(NetworkConfig("esvit_golden_w7"))


def test_student_in_a_wrapper(tmp_path: Path, names: dict, weights: dict) -> None:
    network = started(saved(tmp_path / "s.pth", {"student": under(names["student_in_ddp"], weights), "epoch": 1}))
    expect_golden_trunk(network, weights)
    assert search_report(network).source.endswith("s.pth (student)")


def test_prefixes_of_wrappers_and_bare_tensors(tmp_path: Path, weights: dict) -> None:
    wrapped = {f"module.backbone.{name}": tensor for name, tensor in weights.items()}
    network = started(saved(tmp_path / "bare.pth", wrapped))
    expect_golden_trunk(network, weights)
    assert search_report(network).source == str(tmp_path / "bare.pth")


@pytest.mark.parametrize("prefix", ["", "module."])
def test_imgfp_file(tmp_path: Path, names: dict, weights: dict, prefix: str) -> None:
    content = {"model": {prefix + name: weights[name] for name in names["imgfp_model_key"]}, "epoch": 3}
    network = started(saved(tmp_path / "final.pth", content))
    expect_golden_trunk(network, weights)
    torch.testing.assert_close(network.head.weight, weights["head.linear.weight"])
    assert search_report(network).missing == ()
    assert search_report(network).dropped == tuple(name for name in names["imgfp_model_key"] if name.endswith("_index"))


def test_dim_0_leaves_imgfps_head_out(tmp_path: Path, weights: dict) -> None:
    path = saved(tmp_path / "final.pth", {"model": weights})
    assert {"head.linear.weight", "head.linear.bias"} <= set(search_report(started(path, dim=0)).dropped)
    message = refused(path, "esvit_golden_w7", dim=128)
    assert "'head.linear." in message
    assert message.endswith(": set dim=256")


def test_a_different_window_is_interpolated(tmp_path: Path, weights: dict) -> None:
    """Bicubic over the square of offsets: a plane stays a plane inside; the last stage keeps its window of 7."""
    rise = torch.arange(13.0)
    table = "layers.0.blocks.0.attn.relative_position_bias_table"
    weights[table] = (rise[:, None] + 10 * rise).reshape(-1, 1).repeat(1, 2)
    network = started(saved(tmp_path / "final.pth", {"model": weights}), "esvit_golden_w14")
    report = search_report(network)
    assert len(report.interpolated) == 8
    assert set(report.interpolated) <= set(report.used)
    assert table in report.interpolated
    assert not any(name.startswith("layers.3") for name in report.interpolated)
    square = network.trunk.state_dict()[table][:, 0].reshape(27, 27)
    assert square[13, 13] == pytest.approx(6 + 60)  # the middle: no offset
    slope = (square[5:22, 1:] - square[5:22, :-1])[:, 5:20]
    torch.testing.assert_close(slope.mean(), torch.tensor(130 / 27), atol=0.05, rtol=0)
    same = torch.nn.functional.interpolate(weights[table].T.reshape(1, 2, 13, 13), size=(27, 27), mode="bicubic")[0, 0]
    torch.testing.assert_close(square, same)
    assert "145" not in str(report)
    assert "147 tensors used, 8 of them interpolated" in str(report)


def test_encoder_from_checkpoints(tmp_path: Path, names: dict, weights: dict) -> None:
    """imgFp's file describes by its head, EsViT's by the pooled features."""
    imgfp = saved(tmp_path / "final.pth", {"model": weights})
    assert create_encoder(EncoderConfig("esvit_golden_w7", imgfp)).dim == 256
    official = saved(tmp_path / "o.pth", {"teacher": under(names["teacher_without_batchnorm_heads"], weights)})
    assert create_encoder(EncoderConfig("esvit_golden_w7", official, size=96)).dim == 192


def test_a_different_swin_names_both(tmp_path: Path, micro: str) -> None:
    with torch.device("meta"):
        other = Network(NetworkConfig("esvit_tiny_w7")).trunk
    tensors = {name: torch.zeros(tensor.shape, dtype=torch.uint8) for name, tensor in other.state_dict().items()}
    message = refused(saved(tmp_path / "c.pth", {"teacher": tensors}))
    assert (
        f"contains esvit_tiny (width 96, depths 2-2-6-2, heads 3-6-12-24), not {micro} (width 8, depths 1-1-2-1, heads 1-1-2-2)"
        in message
    )
    assert message.endswith(": change the architecture or the weights")


def test_a_network_that_is_not_a_swin(tmp_path: Path, micro: str) -> None:
    content = {"conv1.weight": torch.zeros(4, 3, 7, 7), "bn1.weight": torch.zeros(4)}
    message = refused(saved(tmp_path / "c.pth", content))
    assert f"contains no Swin transformer (first tensors: conv1.weight, bn1.weight), not {micro} (" in message


def micro_state(micro: str) -> dict[str, torch.Tensor]:
    """Under EsViT's names."""
    state = Network(NetworkConfig(micro, 0)).trunk.state_dict()
    for stage in (1, 2, 3):
        state = {name.replace(f"layers.{stage}.downs", f"layers.{stage - 1}.downs"): state[name] for name in state}
    return state


def test_a_checkpoint_that_lacks_tensors(tmp_path: Path, micro: str) -> None:
    state = micro_state(micro)
    del state["norm.weight"]
    message = refused(saved(tmp_path / "c.pth", state))
    assert f"1 tensors of {micro} missing, first 'trunk.norm.weight': download it again" in message


def test_a_tensor_of_wrong_shape(tmp_path: Path, micro: str) -> None:
    state = micro_state(micro) | {"norm.weight": torch.zeros(5)}
    message = refused(saved(tmp_path / "c.pth", state))
    assert message.endswith(f"'norm.weight' has shape (5,), {micro} needs (64,): use the matching architecture")


@pytest.mark.parametrize(
    "content",
    [{"epoch": 3, "args": argparse.Namespace(a=1)}, [torch.zeros(2)], {"model": {"a": 1}}, torch.zeros(3)],
    ids=["settings", "list", "empty", "tensor"],
)
def test_files_without_weights(tmp_path: Path, micro: str, content: object) -> None:
    path = saved(tmp_path / "c.pth", content)
    assert refused(path).startswith(
        f"weights={path}: contains no weights: expected tensors by name, or a dict with model, teacher, student"
    )


def test_code_is_refused_and_not_run(tmp_path: Path, micro: str, attacks: list[bytes], witness: Path) -> None:
    for number, data in enumerate(attacks):
        path = tmp_path / f"{number}.pth"
        path.write_bytes(data)
        message = refused(str(path))
        if number:  # torch knows no pickle of protocol 4 and cannot say what is in it
            assert message.startswith(f"weights={path}: contains ")
            assert "open, which could run code; refused, nothing was run: save only the tensors" in message
        else:
            assert "not a torch checkpoint, or truncated (UnpicklingError); nothing was run" in message
    assert not witness.exists()


def test_damaged_and_missing_files(tmp_path: Path, micro: str) -> None:
    path = tmp_path / "c.pth"
    assert refused(str(path)) == (
        f"weights={path}: no such file: give an EsViT or imgFp checkpoint, or an export (.safetensors)"
    )
    torch.save({"model": micro_state(micro)}, path)
    whole = path.read_bytes()
    for content in [whole[: len(whole) * part // 10] for part in range(10)] + [b"no checkpoint at all", b"\x80\x04."]:
        path.write_bytes(content)
        assert refused(str(path)).startswith(f"weights={path}: not a torch checkpoint, or truncated (")
