"""SIFT by pycolmap (VLFeat): the reference for our extractor, and its fallback."""

import threading
import warnings

import numpy as np

from imgfp.local.features import reverse_bins

_Settings = tuple[int, int, float, float, int]
_local = threading.local()


def find_and_describe(
    plane: np.ndarray, octaves: int, levels: int, peak: float, edge: float, orientations: int
) -> tuple[np.ndarray, np.ndarray]:
    """As `imgfp.local.sift.compiled_sift.find_and_describe`; both sides of the plane must have at least 12 pixels."""
    extractor = _extractor((octaves, levels, peak, edge, orientations))
    keypoints, descriptors = extractor.extract(np.ascontiguousarray(plane))
    moved = keypoints.astype(np.float32).reshape(-1, 4)
    moved[:, :2] -= 0.5  # pycolmap puts the first pixel's centre at 0.5
    return moved, np.clip(np.rint(reverse_bins(descriptors) * 255.0), 0, 255).astype(np.uint8)


def _extractor(settings: _Settings):  # type: ignore[no-untyped-def]  # pycolmap ships no types
    """One extractor per thread and settings: VLFeat's filter state must not be shared."""
    if getattr(_local, "settings", None) != settings:
        import pycolmap

        octaves, levels, peak, edge, orientations = settings
        pycolmap.logging.minloglevel = 1  # warnings and errors only
        options = pycolmap.FeatureExtractionOptions()
        sift = options.sift
        sift.first_octave, sift.num_octaves, sift.octave_resolution = 0, octaves, levels
        sift.peak_threshold, sift.edge_threshold = peak / 255, edge
        sift.max_num_orientations, sift.normalization = orientations, pycolmap.Normalization.L1_ROOT
        sift.max_num_features = 1 << 20  # imgFp has no cap
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # pycolmap has deprecated this class
            _local.extractor = pycolmap.Sift(options, pycolmap.Device.cpu)
        _local.settings = settings
    return _local.extractor
