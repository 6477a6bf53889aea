"""SIFT as imgFp ran it, by pycolmap (VLFeat inside). Bytes differ from the original's library, see docs/local.md."""

import threading
import warnings
from dataclasses import dataclass

import numpy as np

from imgfp.local.features import LocalFeatures, reverse_bins
from imgfp.local.plane import luma_plane


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
    keypoints, descriptors = _extractor(config).extract(np.ascontiguousarray(plane))
    if len(keypoints) < config.least:
        return LocalFeatures.none(width, height)
    moved = keypoints.astype(np.float32)
    moved[:, :2] -= 0.5  # pycolmap puts the first pixel's centre at 0.5
    scaled = np.clip(np.rint(reverse_bins(descriptors) * 255.0), 0, 255).astype(np.uint8)
    return LocalFeatures(moved, scaled, width, height)


_local = threading.local()


def _extractor(config: SiftConfig):  # type: ignore[no-untyped-def]  # pycolmap ships no types
    """One extractor a thread and config: VLFeat's filter state is not shared."""
    if getattr(_local, "config", None) != config:
        import pycolmap

        pycolmap.logging.minloglevel = 1  # warnings and worse: not one line a worker
        options = pycolmap.FeatureExtractionOptions()
        sift = options.sift
        sift.first_octave, sift.num_octaves, sift.octave_resolution = 0, config.octaves, config.levels
        sift.peak_threshold, sift.edge_threshold = config.peak / 255, config.edge
        sift.max_num_orientations, sift.normalization = config.orientations, pycolmap.Normalization.L1_ROOT
        sift.max_num_features = 1 << 20  # imgFp has no cap
        with warnings.catch_warnings():
            # Sift is deprecated, but its successor rounds descriptors to 512ths, which are not imgFp's 255ths.
            warnings.simplefilter("ignore", DeprecationWarning)
            _local.extractor = pycolmap.Sift(options, pycolmap.Device.cpu)
        _local.config = config
    return _local.extractor
