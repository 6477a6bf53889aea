"""Which finder is opened, and what is said where the learned one is not installed."""

import numpy as np
import pytest

from imgfp.detection import finders, open_finder
from imgfp.errors import InputError


def test_classical_needs_no_extra() -> None:
    finder = open_finder("classical")
    assert (finder.name, finder.fingerprint) == ("classical", "classical")
    assert finder(np.full((40, 50, 3), 9, np.uint8)) == []


def test_without_the_extra(monkeypatch, capsys) -> None:
    monkeypatch.setattr(finders, "missing_packages", lambda: ["ultralytics", "onnx"])
    assert open_finder("auto").name == "classical"
    assert (
        "falling back to the classical detector (missing: ultralytics, onnx; run 'make env')" in capsys.readouterr().err
    )
    for name, weights in (("learned", None), ("auto", "own.safetensors")):
        with pytest.raises(
            InputError, match=r"^learned detector unavailable \(missing: ultralytics, onnx\): run 'make env', or use"
        ):
            open_finder(name, weights)


def test_unknown_name() -> None:
    with pytest.raises(InputError, match=r"^unknown detector 'yolo': must be one of auto, learned, classical$"):
        open_finder("yolo")
