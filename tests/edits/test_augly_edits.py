"""AugLy's edits are available where AugLy is installed, with libmagic or without, and silently absent where it is not."""

import subprocess
import sys

import numpy as np
import pytest

from imgfp import edits
from imgfp.edits import augly_catalogue, catalogue, edit_kind

_needs_augly = pytest.mark.skipif(not augly_catalogue(), reason="AugLy is not installed")


@pytest.mark.parametrize("error", [ImportError("no module named augly"), OSError("cannot load a library")])
def test_missing_augly_gives_an_empty_catalogue(monkeypatch, error):
    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name == "augly.image":
                raise error

    monkeypatch.delitem(sys.modules, "imgfp.edits.augly_edits", raising=False)
    monkeypatch.delattr(edits, "augly_edits", raising=False)
    for name in [name for name in sys.modules if name.startswith("augly.image")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    assert augly_catalogue() == {}


@_needs_augly
def test_augly_works_without_libmagic():
    """In a fresh process where python-magic finds no library, each edit gives the image that it gives here."""
    program = """
import hashlib, sys
import numpy as np
class NoMagic:
    def find_spec(self, name, path=None, target=None):
        if name == "magic":
            raise ImportError("failed to find libmagic.  Check your installation")
sys.meta_path.insert(0, NoMagic())
from imgfp.edits import augly_catalogue
image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
for name, edit in augly_catalogue([image]).items():
    print(name, hashlib.sha256(edit(image, np.random.default_rng(0)).image.tobytes()).hexdigest())
assert "magic" not in sys.modules
"""
    # without the first lines the real library is used, where the computer has one
    here = "\n".join(line for line in program.splitlines() if "meta_path" not in line and 'assert "magic"' not in line)
    outputs = [
        subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True).stdout
        for code in (program, here)
    ]
    assert outputs[0] == outputs[1]
    assert len(outputs[0].splitlines()) == 28


def test_names_are_sorted_and_of_the_kind_of_one_of_our_edits(pool):
    names = list(augly_catalogue(pool))
    assert names == sorted(names)
    assert all(name.startswith("augly_") for name in names)
    assert {edit_kind(name) for name in names} <= {edit_kind(name) for name in catalogue(pool)}


@_needs_augly
def test_edits_that_need_other_photographs_are_left_out_without_any(pool):
    assert set(augly_catalogue(pool)) - set(augly_catalogue()) == {"augly_on_background", "augly_photo_over"}


def test_thin_images_are_left_as_they_are(pool):
    thin = np.arange(3 * 10 * 300, dtype=np.uint8).reshape(10, 300, 3)
    for edit in augly_catalogue(pool).values():
        edited = edit(thin, np.random.default_rng(0))
        assert np.array_equal(edited.image, thin)
        assert np.array_equal(edited.matrix, np.eye(3))


def test_thin_photographs_of_the_pool_are_cut(photo):
    thin = [np.zeros((1, 500, 3), dtype=np.uint8), np.zeros((500, 1, 3), dtype=np.uint8)]
    edits = augly_catalogue(thin)
    for name in ("augly_on_background", "augly_photo_over"):
        for seed in range(6 if edits else 0):
            assert min(edits[name](photo, np.random.default_rng(seed)).image.shape[:2]) > 16
