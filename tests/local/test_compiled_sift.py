"""Our own extractor beside pycolmap's: other settings, other sizes, planes without anything on them."""

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from imgfp.local.sift.compiled_sift import find_and_describe
from imgfp.local.sift.extractor_check import same_keypoints
from imgfp.local.sift.plane import luma_plane
from imgfp.local.sift.pycolmap_sift import find_and_describe as find_by_pycolmap

USUAL = (5, 7, 0.5, 10.0, 4)  # octaves, levels, peak, edge, orientations


@pytest.mark.parametrize(
    "settings",
    [
        USUAL,
        (1, 7, 0.5, 10.0, 4),
        (3, 3, 1.0, 10.0, 2),
        (5, 1, 0.5, 10.0, 4),
        (4, 12, 0.5, 5.0, 1),
        (2, 5, 3.0, 20.0, 3),
    ],
)
def test_other_settings_find_what_pycolmap_finds(settings, make_texture) -> None:
    plane = luma_plane(make_texture(5, 210, 330), 300)
    ours, theirs = find_and_describe(plane, *settings), find_by_pycolmap(plane, *settings)
    assert len(theirs[0]) > 20
    assert abs(len(ours[0]) - len(theirs[0])) <= 0.02 * len(theirs[0]) + 1
    same = same_keypoints(theirs[0], ours[0])
    assert same.any(1).mean() >= 0.98
    off = theirs[1].astype(int) - ours[1][same.argmax(1)]
    assert np.median((off**2).sum(1)[same.any(1)]) <= 300


def test_fewer_settings_mean_fewer_keypoints(make_texture) -> None:
    plane = luma_plane(make_texture(5, 210, 330), 300)
    found = len(find_and_describe(plane, *USUAL)[0])
    for fewer in ((1, 7, 0.5, 10.0, 4), (5, 7, 2.0, 10.0, 4), (5, 7, 0.5, 2.0, 4), (5, 7, 0.5, 10.0, 1)):
        assert 0 < len(find_and_describe(plane, *fewer)[0]) < found
    assert len(find_and_describe(plane, 9, 7, 0.5, 10.0, 4)[0]) >= found  # more octaves than fit: as many as fit


@pytest.mark.parametrize("grey", [0, 16, 255])
@pytest.mark.parametrize("shape", [(12, 12), (12, 1500), (1500, 12), (37, 41)])
def test_planes_of_one_grey_have_no_keypoints(grey: int, shape: tuple[int, int]) -> None:
    keypoints, descriptors = find_and_describe(np.full(shape, grey, np.uint8), *USUAL)
    assert keypoints.shape == (0, 4)
    assert descriptors.shape == (0, 128)


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (3, 3), (12, 12), (13, 900), (900, 13), (40, 40)])
@pytest.mark.parametrize("levels", [1, 2, 7])
def test_noise_of_any_size_gives_keypoints_within_the_plane(shape: tuple[int, int], levels: int) -> None:
    plane = np.random.default_rng(0).integers(16, 236, shape, dtype=np.uint8)
    keypoints, descriptors = find_and_describe(plane, 5, levels, 0.0, 100.0, 4)
    assert len(keypoints) == len(descriptors)
    assert np.isfinite(keypoints).all()
    x, y, sigma, theta = keypoints.T
    assert ((x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0])).all()
    assert (sigma > 1).all()
    assert (np.abs(theta) <= np.float32(np.pi)).all()
    norms = (descriptors.astype(int) ** 2).sum(1)
    assert (np.abs(norms / 65025 - 1) < 0.05).all()


def test_a_large_plane_of_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """More extrema than memory is made for at first, and arrays too large to be kept, change nothing."""
    plane = np.random.default_rng(1).integers(16, 236, (400, 500), dtype=np.uint8)
    usual = find_and_describe(plane, *USUAL)
    monkeypatch.setattr("imgfp.local.sift.extrema._CAPACITY", 3)
    monkeypatch.setattr("imgfp.local.sift.workspace._MAX_SIZE", 1000)
    for one, other in zip(usual, find_and_describe(plane, *USUAL), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(usual[0]) > 300


def test_a_turned_plane_gives_turned_keypoints(make_texture) -> None:
    plane = luma_plane(make_texture(6, 200, 260), 300)
    keypoints, descriptors = find_and_describe(plane, *USUAL)
    turned, turned_descriptors = find_and_describe(np.ascontiguousarray(np.rot90(plane, 2)), *USUAL)
    back = turned.copy()
    back[:, 0], back[:, 1], back[:, 3] = 259 - turned[:, 0], 199 - turned[:, 1], turned[:, 3] + np.pi
    # only the first octave: the others take every second pixel, others of an even number when turned
    first = keypoints[:, 2] < 3.2
    same = same_keypoints(keypoints[first], back)
    assert same.any(1).mean() > 0.97
    off = descriptors[first].astype(int) - turned_descriptors[same.argmax(1)]
    assert np.median((off**2).sum(1)[same.any(1)]) < 100


def test_threads_and_sizes_in_turn_give_the_same_bytes(make_texture) -> None:
    planes = [luma_plane(make_texture(seed, 90 + 30 * seed, 150), 300) for seed in range(5)] * 3
    alone = [find_and_describe(plane, *USUAL) for plane in planes]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda plane: find_and_describe(plane, *USUAL), planes))
    for (keypoints, descriptors), (others, other_descriptors) in zip(alone, together, strict=True):
        np.testing.assert_array_equal(keypoints, others)
        np.testing.assert_array_equal(descriptors, other_descriptors)


def test_a_plane_that_is_a_view_gives_the_same(make_texture) -> None:
    plane = luma_plane(make_texture(2, 120, 140), 300)
    inside = np.zeros((120, 300), np.uint8)
    inside[:, 100:240] = plane
    for one, other in zip(find_and_describe(plane, *USUAL), find_and_describe(inside[:, 100:240], *USUAL), strict=True):
        np.testing.assert_array_equal(one, other)


def test_nothing_is_read_outside_arrays_and_torch_is_not_loaded() -> None:
    """The compiled code once more with every index checked, in a process of its own: checking is decided at import."""
    code = """
import sys
import numpy as np
from imgfp.local.sift import compiled_sift, extract
rng = np.random.default_rng(0)
for shape in ((12, 12), (12, 60), (60, 12), (33, 47)):
    for levels in (1, 7):
        compiled_sift.find_and_describe(rng.integers(16, 236, shape, dtype=np.uint8), 5, levels, 0.0, 100.0, 4)
assert "torch" not in sys.modules
assert "pycolmap" not in sys.modules
"""
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": cache, "NUMBA_OPT": "0"}
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
