"""TensorFlow checkpoints of golden/mirror/networks/checkpoints: the same values, and the stated outcome of each damaged one."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgfp.errors import InputError
from imgfp.mirror.networks import network_variables
from imgfp.mirror.tf_checkpoint import Checkpoint


@pytest.fixture(scope="module")
def folder(golden: Path) -> Path:
    found = golden / "mirror/networks/checkpoints"
    if not found.is_dir():
        pytest.skip(f"{golden} has no mirror/networks/checkpoints")
    return found


@pytest.fixture(scope="module")
def intact(folder: Path) -> dict[str, Path]:
    """Each undamaged checkpoint's folder, by the checkpoint's name."""
    found = {json.loads(path.read_text())["prefix"]: path.parent for path in sorted(folder.glob("*/expected.json"))}
    assert found
    return found


def values_of(folder: Path) -> dict[str, np.ndarray]:
    """Every tensor that the original read; strings as objects."""
    expected: dict[str, Any] = json.loads((folder / "expected.json").read_text())
    with np.load(folder / "expected.npz", allow_pickle=False) as stored:
        values = {name: stored[name] for name in stored.files}
    if isinstance(expected["tensors"], int):
        return values
    for name, item in expected["tensors"].items():
        if "values" in item:
            words = [word.encode("latin-1") for word in item["values"]]
            values[name] = np.array(words, dtype=object).reshape(item["shape"])
    assert values.keys() == expected["tensors"].keys()
    return values


def same(got: np.ndarray, wanted: np.ndarray) -> bool:
    if wanted.dtype == object:
        return got.shape == wanted.shape and got.tolist() == wanted.tolist()
    return (got.dtype, got.shape, got.tobytes()) == (wanted.dtype, wanted.shape, wanted.tobytes())


def test_every_tensor_of_every_checkpoint(intact: dict[str, Path]) -> None:
    for prefix, where in intact.items():
        expected = json.loads((where / "expected.json").read_text())
        opened, values = Checkpoint.open(where / prefix), values_of(where)
        if isinstance(expected["tensors"], int):  # too many for a list: the values lie in the order of the names
            assert len(opened.names) == expected["tensors"], prefix
            joined = "\n".join(opened.names).encode()
            assert hashlib.sha256(joined).hexdigest() == expected["sha256_of_sorted_names_joined_by_newline"]
            (stored,) = values.values()
            read = [opened.read(name) for name in opened.names]
            assert {(item.dtype.name, item.shape) for item in read} == {(expected["dtype"], tuple(expected["shape"]))}
            assert same(np.stack(read), stored), prefix
        else:
            assert set(opened.names) == values.keys(), prefix
            assert all(same(opened.read(name), wanted) for name, wanted in values.items()), prefix


def test_every_damaged_checkpoint(folder: Path, intact: dict[str, Path]) -> None:
    if not (folder / "damaged/cases.json").is_file():
        pytest.skip("no damaged checkpoints in this folder")
    cases = json.loads((folder / "damaged/cases.json").read_text())
    assert cases
    for case in cases:
        where = folder / "damaged" / case["case"]
        (index,) = where.glob("*.index")
        values = values_of(intact[index.stem])
        accepted = case["must"].startswith("accept")
        assert accepted or case["must"].startswith("refuse"), case
        failed = outcome(where / index.stem, values, case["case"])
        if accepted:
            assert failed == set(), case
            continue
        assert failed is None or failed, case
        originals = [case[key] for key in ("tf_1_5", "tf_1_7") if key in case and "tensors_read" in case[key]]
        if failed is not None and originals:  # the original serves the intact tensors, and so do we
            assert failed == set(originals[0]["tensors_failed"]), case
        elif originals and originals[0]["error_type"] is not None:
            assert originals[0]["tensors_read"] == 0, case


def outcome(prefix: Path, values: dict[str, np.ndarray], case: str) -> set[str] | None:
    """The tensors that are refused; None where the checkpoint itself is. Everything that is served is right."""
    try:
        opened = Checkpoint.open(prefix)
    except InputError:
        return None
    assert set(opened.names) == values.keys(), case
    failed = set()
    for name, wanted in values.items():
        try:
            got = opened.read(name)
        except InputError:
            failed.add(name)
        else:
            assert same(got, wanted), (case, name)
    return failed


def test_the_variables_that_the_networks_need(golden: Path) -> None:
    found = {
        name: golden / f"mirror/networks/{file}_variables.json"
        for name, file in {"googlenet": "googlenet", "resnet-50": "resnet50"}.items()
    }
    if not all(path.is_file() for path in found.values()):
        pytest.skip(f"{golden} has no lists of variables")
    for name, path in found.items():
        published = {item["name"]: tuple(item["shape"]) for item in json.loads(path.read_text())}
        needed = {key: shape for key, shape in published.items() if key.split("/")[0].rpartition("_")[2] != "loss"}
        assert network_variables(name) == needed
