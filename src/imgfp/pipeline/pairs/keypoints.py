"""Keypoints of photographs for matching in three dimensions: more and finer ones than copies of an image need."""

from dataclasses import dataclass

import numpy as np

from imgfp.local.features import LocalFeatures
from imgfp.local.sift.compiled_sift import find_and_describe
from imgfp.local.sift.plane import full_range_luma, limited_range, shrink


@dataclass(frozen=True)
class KeypointConfig:
    """How keypoints are extracted.

    Attributes:
        upscale: The plane is the photograph enlarged by this factor, since SIFT then finds finer keypoints (Lowe 2004, section 3.3).
        longest: Upper bound of the plane's longer side in pixels.
        keypoints: Most keypoints per photograph: those with the largest sigma, which are the most repeatable.
        octaves, levels, peak, edge, orientations: As in `imgfp.local.sift.sift.SiftConfig`.
    """

    upscale: float = 1.5
    longest: int = 1600
    keypoints: int = 1500
    octaves: int = 6
    levels: int = 3
    peak: float = 1.0
    edge: float = 10.0
    orientations: int = 2


def extract_keypoints(rgb: np.ndarray, config: KeypointConfig) -> LocalFeatures:
    """Features of an (h, w, 3) uint8 photograph, in pixels of the plane; `width` and `height` are the plane's."""
    luma = limited_range(full_range_luma(rgb))
    scale = min(config.upscale, config.longest / max(luma.shape))
    height, width = (max(1, round(side * scale)) for side in luma.shape)
    if min(height, width) < 12:  # no keypoint has room
        return LocalFeatures.none(width, height)
    keypoints, descriptors = find_and_describe(
        shrink(luma, width, height), config.octaves, config.levels, config.peak, config.edge, config.orientations
    )
    if len(keypoints) > config.keypoints:
        kept = np.sort(np.argsort(-keypoints[:, 2], kind="stable")[: config.keypoints])
        keypoints, descriptors = keypoints[kept], descriptors[kept]
    return LocalFeatures(keypoints, descriptors, width, height)
