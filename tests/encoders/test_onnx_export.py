"""ONNX files of descriptor networks: torch's descriptors, what is to be known of the input, and no file that differs."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from imgfp.cli.main import main
from imgfp.encoders import EMBEDDED, EncoderConfig, Network, NetworkConfig, create_encoder, export_network, onnx_export
from imgfp.errors import InputError

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture
def nano(tmp_path: Path) -> Path:
    """An EsViT whose grids at 60 px are no multiples of its windows, and have to be padded."""
    torch.manual_seed(0)
    network = Network(NetworkConfig("esvit_nano", dim=16))
    torch.nn.init.normal_(network.head.weight, std=0.5)
    export_network(network, tmp_path / "nano.safetensors", {"size": 60})
    return tmp_path / "nano.safetensors"


def described(file: Path, images: np.ndarray) -> np.ndarray:
    """Descriptors of (n, size, size, 3) uint8, as somebody would compute them who knows only the file."""
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (given,), (_,) = session.get_inputs(), session.get_outputs()
    return session.run(None, {given.name: images.transpose(0, 3, 1, 2).astype(np.float32)})[0]


def test_an_esvit_and_the_embedded_network_describe_as_in_torch(nano: Path, tmp_path: Path, capsys) -> None:
    cases = [
        ([str(nano)], EncoderConfig(weights=str(nano)), "esvit_nano, 16 dimensions"),
        ([EMBEDDED, "--size", "64"], EncoderConfig(size=64), "efficientnet_lite0_imagenet, 1280 dimensions"),
    ]
    for arguments, config, said in cases:
        file = tmp_path / "network.onnx"
        assert main(["export", *arguments, "--out", str(file)]) == 0
        printed = capsys.readouterr().out
        assert said in printed
        assert float(printed.split("differs from torch by ")[1].split()[0]) < 1e-4
        encoder = create_encoder(config)
        for count in (1, 3):
            images = np.random.default_rng(count).integers(0, 256, (count, encoder.size, encoder.size, 3), np.uint8)
            np.testing.assert_allclose(described(file, images), encoder.encode(images), atol=1e-4)
        about = {item.key: item.value for item in onnx.load(str(file)).metadata_props}
        assert (about["size"], about["dim"]) == (str(encoder.size), str(encoder.dim))
        mean = "0.485 0.456 0.406" if config.weights else "0.5 0.5 0.5"
        assert about["mean"] == mean
        assert len(about["weights_sha256"]) == 64
        if config.weights:
            assert about["weights_sha256"] == hashlib.sha256(nano.read_bytes()).hexdigest()


def test_no_file_is_left_that_differs(nano: Path, tmp_path: Path, monkeypatch) -> None:
    before = set(tmp_path.iterdir())
    monkeypatch.setattr(onnx_export, "_write", lambda network, config, path: path.write_bytes(b""))
    monkeypatch.setattr(onnx_export, "_add_metadata", lambda path, metadata: None)
    monkeypatch.setattr(onnx_export, "_compare", lambda network, size, path: 0.5)
    with pytest.raises(InputError, match=r"network\.onnx: not written: .* differ from torch's by up to 0\.5"):
        onnx_export.export_onnx(EncoderConfig(weights=str(nano)), tmp_path / "network.onnx")
    assert set(tmp_path.iterdir()) == before


def test_one_line_errors(nano: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    for arguments, message in (
        ([str(nano), "--out", str(tmp_path / "a.pt")], "a.pt: give a file .onnx"),
        ([str(nano), "--weights", "x", "--out", "a.onnx"], "has its own: leave --weights out"),
        (["gone.safetensors", "--out", "a.onnx"], "gone.safetensors: no such file"),
        (["no_such_net", "--out", "a.onnx"], "unknown timm model"),
    ):
        assert main(["export", *arguments]) == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"^onnx, onnxruntime not installed: run pip install 'imgfp\[onnx\]'$"):
        onnx_export.export_onnx(EncoderConfig(), tmp_path / "a.onnx")
