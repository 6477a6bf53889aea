"""SIFT as imgFp ran it: by our own compiled extractor, or by pycolmap's. How equal each is to imgFp's stands in docs/local.md."""

from dataclasses import dataclass

import numpy as np

from imgfp.local.features import LocalFeatures
from imgfp.local.sift.plane import luma_plane

EXTRACTORS = ("compiled", "pycolmap")


@dataclass(frozen=True)
class SiftConfig:
    """How keypoints are found. The defaults are imgFp's."""

    side: int = 300  # the smaller side of the plane in pixels, not a cap on keypoints
    octaves: int = 5  # the first is the plane itself, never enlarged
    levels: int = 7  # scales an octave
    peak: float = 0.5  # contrast threshold in grey levels of the limited-range plane
    edge: float = 10.0  # largest ratio of principal curvatures
    orientations: int = 4  # at most so many a keypoint
    least: int = 10  # an image with fewer keypoints counts as one without
    extractor: str = "compiled"  # ours; "pycolmap": the library, which a run falls back to where ours cannot be used


def extract_sift(rgb: np.ndarray, config: SiftConfig) -> LocalFeatures:
    """Features of an RGB picture.

    Args:
        rgb: (height, width, 3) uint8, decoded at full size.
        config: How keypoints are found.

    Returns:
        Features in the plane's pixels; none where fewer than `config.least` keypoints were found.
    """
    return sift_of_plane(luma_plane(rgb, config.side), config)


def sift_of_plane(plane: np.ndarray, config: SiftConfig) -> LocalFeatures:
    """Features of a (h, w) uint8 plane as `luma_plane` makes it."""
    height, width = plane.shape
    if min(height, width) < 12:  # VLFeat reads outside its arrays on slivers; no keypoint fits there anyway
        return LocalFeatures.none(width, height)
    # the one that is not used is not loaded either: numba and pycolmap take about a second each
    if config.extractor == "compiled":
        from imgfp.local.sift.compiled_sift import find_and_describe
    else:
        from imgfp.local.sift.pycolmap_sift import find_and_describe
    keypoints, descriptors = find_and_describe(
        plane, config.octaves, config.levels, config.peak, config.edge, config.orientations
    )
    if len(keypoints) < config.least:
        return LocalFeatures.none(width, height)
    return LocalFeatures(keypoints, descriptors, width, height)
