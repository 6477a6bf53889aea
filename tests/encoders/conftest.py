"""A micro EsViT, and files that attack."""

import io
import pickle
from pathlib import Path

import pytest
import torch

from imgfp.encoders.esvit_specs import ESVIT, EsViTSpec

MICRO = EsViTSpec(8, (1, 1, 2, 1), (1, 1, 2, 2), 4, size=64)  # grids 16, 8, 4, 2: windows 4, 4, 4, 2


@pytest.fixture
def micro(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a micro EsViT with windows of 4, of the sizes 64 and below."""
    monkeypatch.setitem(ESVIT, "esvit_micro_w4", MICRO)
    return "esvit_micro_w4"


class Attack:
    """Unpickling it creates a file."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self):
        return open, (str(self.witness), "w")


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    """What an attack creates when it is run."""
    return tmp_path / "witness"


@pytest.fixture
def attacks(witness: Path) -> list[bytes]:
    """Files that run code where a reader lets them."""
    found = [pickle.dumps(Attack(witness)), f"cbuiltins\nopen\n(S'{witness}'\nS'w'\ntR.".encode()]
    for new in (True, False):
        saved = io.BytesIO()
        torch.save({"model": {"a": Attack(witness)}}, saved, _use_new_zipfile_serialization=new)
        found.append(saved.getvalue())
    return found
