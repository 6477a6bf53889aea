"""Checks whether our compiled extractor works on this machine: its features of a test image must match pycolmap's."""

from dataclasses import replace
from functools import cache
from threading import Timer

import cv2
import numpy as np

from imgfp.local.features import LocalFeatures
from imgfp.local.sift.sift import SiftConfig, sift_of_plane
from imgfp.progress import announce

_SIDE = 128
_MIN_COMMON = 0.99  # required fraction of keypoints that both extractors find
# maximum median squared descriptor distance; 126 on photographs, because pycolmap rounds differently
_MAX_DISTANCE = 300
_MIN_KEYPOINTS = 100  # required for a meaningful comparison


def usable_extractor(config: SiftConfig) -> tuple[SiftConfig, str | None]:
    """The config with a working extractor, and the reason for a fallback (None if there is none)."""
    if config.extractor != "compiled":
        return config, None
    fault = compiled_fault()
    return (config, None) if fault is None else (replace(config, extractor="pycolmap"), fault)


@cache
def compiled_fault() -> str | None:
    """The reason why the compiled extractor cannot be used, or None. Checked once per process."""
    notice = Timer(2, announce, ("compiling the SIFT extractor, once per machine, about 10 s",))
    notice.daemon = True
    notice.start()
    try:
        ours = sift_of_plane(make_test_plane(), SiftConfig(extractor="compiled"))
    except Exception as error:  # numba cannot compile or cache code here; many error types
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    finally:
        notice.cancel()
    return difference(ours, sift_of_plane(make_test_plane(), SiftConfig(extractor="pycolmap")))


def make_test_plane() -> np.ndarray:
    """(128, 128) uint8, identical on every machine: the sum of upsampled pseudo-random grids of several sizes."""
    total = np.zeros((_SIDE, _SIDE))
    for width in (8, 16, 32, 64):
        numbers = np.arange(width * width, dtype=np.uint32) + np.uint32(width << 16)
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):  # mixes bits
            numbers = (numbers ^ (numbers >> np.uint32(shift))) * np.uint32(factor)
        grid = ((numbers >> np.uint32(16)) / 65535.0 - 0.5).reshape(width, width)
        total += cv2.resize(grid, (_SIDE, _SIDE), interpolation=cv2.INTER_LINEAR)
    return np.clip(np.rint(125 + 70 * total), 16, 235).astype(np.uint8)


def difference(ours: LocalFeatures, theirs: LocalFeatures) -> str | None:
    """Description of the difference between two extractors' features of the test image; None if they match."""
    if min(len(ours), len(theirs)) < _MIN_KEYPOINTS:
        return f"{len(ours)} keypoints in the test image, pycolmap finds {len(theirs)}"
    same = same_keypoints(theirs.keypoints, ours.keypoints)
    shares = same.any(0).mean(), same.any(1).mean()
    if min(shares) < _MIN_COMMON:
        return f"{min(shares):.1%} of the test image's keypoints match pycolmap's, expected {_MIN_COMMON:.0%}"
    found = same.any(1)
    apart = theirs.descriptors[found].astype(np.int64) - ours.descriptors[same.argmax(1)[found]]
    median = float(np.median((apart**2).sum(1)))
    if median <= _MAX_DISTANCE:
        return None
    return f"median squared descriptor distance to pycolmap is {median:.0f}, expected at most {_MAX_DISTANCE}"


def same_keypoints(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n, m) bool: which of (n, 4) and (m, 4) keypoints are equal within 0.05 px, 1 % of sigma and 0.01 rad."""
    a, b = first[:, None], second[None]
    same = (np.abs(a[..., :2] - b[..., :2]).max(2) < 0.05) & (np.abs(a[..., 2] / b[..., 2] - 1) < 0.01)
    rotation = np.abs(a[..., 3] - b[..., 3])
    result: np.ndarray = same & (np.abs((rotation + np.pi) % (2 * np.pi) - np.pi) < 0.01)
    return result
