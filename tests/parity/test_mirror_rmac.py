"""Regions and their pooling against golden/mirror/rmac."""

import json
from pathlib import Path

import numpy as np
import pytest

from imgfp.mirror.regions import pool_regions, rmac_windows

TOLERANCE = 1e-5  # of the largest value; MAX is exact


def test_grid(golden: Path) -> None:
    listed = golden / "mirror/rmac/rmac_grid.json"
    if not listed.is_file():
        pytest.skip(f"no {listed}")
    cases = json.loads(listed.read_text())
    assert cases
    for case in cases:
        windows = rmac_windows(case["h"], case["w"], tuple(case["steps"]))
        assert [list(window) for window in windows] == case["windows"], case
        assert len(windows) == case["num_regions"]


def test_pooling(golden: Path) -> None:
    stored = golden / "mirror/rmac/rmac_pool.npz"
    if not stored.is_file():
        pytest.skip(f"no {stored}")
    with np.load(stored) as arrays:
        outputs = [key for key in arrays if key.startswith("out_")]
        assert outputs
        for key in outputs:
            _, pool, size, steps = key.split("_")
            height, width = map(int, size.split("x"))
            windows = rmac_windows(height, width, tuple(map(int, steps)))
            got = pool_regions(arrays[f"map_{size}"].transpose(0, 3, 1, 2), windows, pool).transpose(0, 2, 1)
            limit = 0 if pool == "MAX" else TOLERANCE * np.abs(arrays[key]).max()
            np.testing.assert_allclose(got, arrays[key], rtol=0, atol=limit, err_msg=key)
