"""Grids of regions, and their pooling against plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgfp.errors import InputError
from imgfp.mirror.regions import POOLS, check_steps, fractional_windows, pool_regions

SIDES = st.integers(1, 40)
STEPS = st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple)


@given(SIDES, SIDES, STEPS)
def test_fractional_windows(height: int, width: int, steps: tuple[int, ...]) -> None:
    """s * s at any shape, none empty, all within the map, and each level covers the map."""
    windows = fractional_windows(height, width, steps)
    assert len(windows) == sum(step * step for step in steps)
    first = 0
    for step in steps:
        covered = np.zeros((height, width), bool)
        for top, left, bottom, right in windows[first : first + step * step]:
            assert 0 <= top < bottom <= height
            assert 0 <= left < right <= width
            covered[top:bottom, left:right] = True
        assert covered.all()
        first += step * step


def test_pooling_against_plain_loops() -> None:
    maps = np.random.default_rng(0).normal(size=(2, 5, 7, 9)).astype(np.float32)
    windows = fractional_windows(7, 9, (1, 3))
    plain = {"MAX": np.max, "AVG": np.mean, "L2": lambda part: np.sqrt(np.mean(part**2))}
    assert plain.keys() == set(POOLS)
    for pool, function in plain.items():
        wanted = [
            [
                [
                    function(maps[image, channel, w.top : w.bottom, w.left : w.right].astype(np.float64))
                    for channel in range(5)
                ]
                for w in windows
            ]
            for image in range(2)
        ]
        np.testing.assert_allclose(pool_regions(maps, windows, pool), wanted, rtol=1e-5)


@pytest.mark.parametrize("steps", [(), (0,), (1, -3)])
def test_bad_steps(steps: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="give integers >= 1"):
        check_steps(steps)
