"""Whether our compiled extractor may be used on this machine: it must find what pycolmap's finds in a small test picture."""

from dataclasses import replace
from functools import cache
from threading import Timer

import cv2
import numpy as np

from imgfp.local.features import LocalFeatures
from imgfp.local.sift.sift import SiftConfig, sift_of_plane
from imgfp.progress import announce

_SIDE = 128
_FOUND = 0.99  # share of one extractor's keypoints that the other must have too
_FAR = 300  # largest median squared distance of their descriptors; 126 on photographs: pycolmap rounds otherwise
_FEWEST = 100  # keypoints without which the comparison would say little


def usable_extractor(config: SiftConfig) -> tuple[SiftConfig, str | None]:
    """The config with an extractor that works here, and why it is not the one asked for (None where it is)."""
    if config.extractor != "compiled":
        return config, None
    fault = compiled_fault()
    return (config, None) if fault is None else (replace(config, extractor="pycolmap"), fault)


@cache
def compiled_fault() -> str | None:
    """Why the compiled extractor cannot be used; None where it can. Looked into once a process."""
    notice = Timer(2, announce, ("making the SIFT extractor ready: compiled once on a machine, about 10 s",))
    notice.daemon = True
    notice.start()
    try:
        ours = sift_of_plane(make_test_plane(), SiftConfig(extractor="compiled"))
    except Exception as error:  # numba cannot store or make code here: many kinds of error, none of them the user's
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    finally:
        notice.cancel()
    return difference(ours, sift_of_plane(make_test_plane(), SiftConfig(extractor="pycolmap")))


def make_test_plane() -> np.ndarray:
    """(128, 128) uint8, the same on every machine: pseudo-random grids of several widths, enlarged and added."""
    total = np.zeros((_SIDE, _SIDE))
    for width in (8, 16, 32, 64):
        numbers = np.arange(width * width, dtype=np.uint32) + np.uint32(width << 16)
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):  # mixes bits
            numbers = (numbers ^ (numbers >> np.uint32(shift))) * np.uint32(factor)
        grid = ((numbers >> np.uint32(16)) / 65535.0 - 0.5).reshape(width, width)
        total += cv2.resize(grid, (_SIDE, _SIDE), interpolation=cv2.INTER_LINEAR)
    return np.clip(np.rint(125 + 70 * total), 16, 235).astype(np.uint8)


def difference(ours: LocalFeatures, theirs: LocalFeatures) -> str | None:
    """What keeps two extractors' features of the test picture from counting as the same, in words; None: nothing."""
    if min(len(ours), len(theirs)) < _FEWEST:
        return f"it found {len(ours)} keypoints in the test picture, pycolmap {len(theirs)}"
    same = same_keypoints(theirs.keypoints, ours.keypoints)
    shares = same.any(0).mean(), same.any(1).mean()
    if min(shares) < _FOUND:
        return f"{min(shares):.1%} of the test picture's keypoints are pycolmap's, wanted {_FOUND:.0%}"
    found = same.any(1)
    apart = theirs.descriptors[found].astype(np.int64) - ours.descriptors[same.argmax(1)[found]]
    median = float(np.median((apart**2).sum(1)))
    return None if median <= _FAR else f"its descriptors are {median:.0f} from pycolmap's, wanted {_FAR} at most"


def same_keypoints(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n, m) bool: which of (n, 4) and (m, 4) keypoints are one: 0.05 px, 1 % of sigma, 0.01 of theta apart at most."""
    a, b = first[:, None], second[None]
    same = (np.abs(a[..., :2] - b[..., :2]).max(2) < 0.05) & (np.abs(a[..., 2] / b[..., 2] - 1) < 0.01)
    turned = np.abs(a[..., 3] - b[..., 3])
    result: np.ndarray = same & (np.abs((turned + np.pi) % (2 * np.pi) - np.pi) < 0.01)
    return result
