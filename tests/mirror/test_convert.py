"""imgfp convert-mirror: exactly the network's variables, unchanged; what is missing or of another shape is named."""

from pathlib import Path

import numpy as np
import pytest
from checkpoint_writer import write_checkpoint
from safetensors import safe_open
from safetensors.numpy import load_file

from imgfp.cli.convert_mirror import NETWORKS
from imgfp.cli.main import main
from imgfp.mirror import convert
from imgfp.mirror.networks import MIRROR_NETWORKS, network_variables

WANTED = {"conv1/kernel": (7, 7, 3, 4), "conv1/bias": (4,), "bn_conv1/gamma": (4,)}


@pytest.fixture
def tensors(monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """The checkpoint of a network of three variables, as training leaves it."""
    monkeypatch.setattr(convert, "network_variables", lambda network: WANTED)
    rng = np.random.default_rng(0)
    made = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in WANTED.items()}
    return made | {"conv1/bias/Momentum": np.zeros(4, np.float32), "global_step": np.array(7)}


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = main(["convert-mirror", *map(str, arguments), "--net", "resnet-50"])
    output = capsys.readouterr()
    return code, (output.err or output.out).strip()


def test_the_variables_and_nothing_else(tensors, tmp_path: Path, capsys) -> None:
    write_checkpoint(tmp_path / "model.ckpt-7", tensors)
    out = tmp_path / "model.ckpt-7.safetensors"
    assert said(capsys, tmp_path / "model.ckpt-7") == (0, f"3 variables of resnet-50 in {out}")
    found = load_file(out)
    assert found.keys() == WANTED.keys()
    assert all(np.array_equal(found[name], tensors[name]) for name in WANTED)
    with safe_open(out, "numpy") as opened:
        assert opened.metadata() == {"network": "resnet-50"}
    assert said(capsys, tmp_path / "model.ckpt-7.index", "--out", tmp_path / "w.safetensors")[0] == 0
    assert (tmp_path / "w.safetensors").read_bytes() == out.read_bytes()


def test_what_is_missing_or_other_is_named(tensors, tmp_path: Path, capsys) -> None:
    prefix = tmp_path / "model.ckpt-7"
    for changed, line in [
        ({"conv1/bias": None}, "no variable conv1/bias, which resnet-50 needs: give the checkpoint of a resnet-50"),
        ({"conv1/bias": np.zeros(5, np.float32)}, "variable conv1/bias is float32 of shape (5,), not float32 of (4,): give the checkpoint of a resnet-50"),
        ({"conv1/bias": np.zeros(4)}, "variable conv1/bias is float64 of shape (4,), not float32 of (4,): give the checkpoint of a resnet-50"),
    ]:  # fmt: skip
        write_checkpoint(prefix, {name: value for name, value in (tensors | changed).items() if value is not None})
        assert said(capsys, prefix) == (2, f"imgfp convert-mirror: {prefix}: {line}")
    code, line = said(capsys, tmp_path / "model.ckpt-8")
    assert (code, line.partition(".index: ")[2]) == (2, "no such file; that folder has model.ckpt-7: give one of them")
    assert not list(tmp_path.glob("*.safetensors"))


def test_numbers_of_variables_and_parameters() -> None:
    """As counted by hand from the two papers' tables."""
    assert tuple(MIRROR_NETWORKS) == NETWORKS
    counts = {name: network_variables(name) for name in NETWORKS}
    assert {name: len(found) for name, found in counts.items()} == {"googlenet": 57 * 2, "resnet-50": 53 * 5 + 1}
    weights = sum(int(np.prod(shape)) for shape in counts["resnet-50"].values())
    assert weights == 25_557_032 - 2048 * 1000 - 1000 + 64 + 2 * 26_560  # torchvision's without the classifier
