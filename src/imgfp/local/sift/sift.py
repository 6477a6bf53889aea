"""SIFT with imgFp's settings, by our compiled extractor or pycolmap's. docs/local.md compares both with the original."""

from dataclasses import dataclass

import numpy as np

from imgfp.local.features import LocalFeatures
from imgfp.local.sift.plane import luma_plane

EXTRACTORS = ("compiled", "pycolmap")


@dataclass(frozen=True)
class SiftConfig:
    """Settings of the keypoint detector. The defaults are imgFp's."""

    side: int = 300  # smaller side of the plane in pixels (no limit on the number of keypoints)
    octaves: int = 5  # the first is the plane itself, without upsampling
    levels: int = 7  # scales per octave
    peak: float = 0.5  # contrast threshold in grey levels of the limited-range plane
    edge: float = 10.0  # maximum ratio of principal curvatures
    orientations: int = 4  # maximum number per keypoint
    least: int = 10  # an image with fewer keypoints is treated as having none
    extractor: str = "compiled"  # ours; "pycolmap": the library, also the fallback


def extract_sift(rgb: np.ndarray, config: SiftConfig) -> LocalFeatures:
    """Extracts the features of an RGB image.

    Args:
        rgb: (height, width, 3) uint8, decoded at full size.
        config: Settings of the detector.

    Returns:
        Features in pixels of the plane; empty if fewer than `config.least` keypoints were found.
    """
    return sift_of_plane(luma_plane(rgb, config.side), config)


def sift_of_plane(plane: np.ndarray, config: SiftConfig) -> LocalFeatures:
    """Extracts the features of an (h, w) uint8 plane from `luma_plane`."""
    height, width = plane.shape
    if min(height, width) < 12:  # VLFeat reads out of bounds on tiny planes, which have no keypoints anyway
        return LocalFeatures.none(width, height)
    # only the extractor in use is imported: numba and pycolmap take about a second each
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
