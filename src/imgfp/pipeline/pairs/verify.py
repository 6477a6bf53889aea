"""Verifies pairs of photographs: keypoint matches that agree with one two-view geometry.

Photographs of a scene in three dimensions are related by a fundamental matrix (Hartley and Zisserman 2004, chapter 9), or by a
homography where the surface is a plane or the camera only rotates (chapter 13). A single affine map, which verifies copies of an
image, keeps only part of their matches.
"""

from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import cv2
import numpy as np
import torch

from imgfp.local.features import LocalFeatures
from imgfp.local.index.nearest import PreparedDescriptors, nearest_pair
from imgfp.local.store import FeatureSource
from imgfp.threads import libraries_single_threaded, thread_count

_CACHED = 256  # prepared photographs in memory: about 1 MB each at 2,000 keypoints
_TRIALS, _CONFIDENCE = 1000, 0.999  # of RANSAC
_MIN_MATCHES = 8  # what the fundamental matrix is fitted to
_PLANAR = 0.8  # a homography that explains this share of the epipolar inliers is the model, as in COLMAP


@dataclass(frozen=True)
class VerifyConfig:
    """How a pair is verified.

    Attributes:
        ratio: Lowe's ratio: the nearest descriptor must be closer than this times the second nearest.
        min_inliers: A pair with fewer inliers counts as not verified.
        epipolar_error: Largest distance of an inlier from the epipolar geometry, as a share of the longer side of the image.
        homography_error: Largest transfer error of an inlier of the homography, as a share of the longer side of the image.
    """

    ratio: float = 0.85
    min_inliers: int = 15
    epipolar_error: float = 2 / 640
    homography_error: float = 4 / 640


@dataclass(frozen=True)
class TwoView:
    """What verification found of one pair (first, second).

    `matches`: (m, 2) int32, keypoint of the first and of the second image: the inliers of the model with most of them.
    `planar`: a homography explains at least 0.8 times as many matches as the fundamental matrix. `model`: (3, 3) float64 from the
    first to the second image, in pixels of the planes with pixel centres at 0.5 (COLMAP's convention): the homography where
    planar, else the fundamental matrix F with x2' F x1 = 0; None without inliers.
    """

    matches: np.ndarray
    planar: bool = False
    model: np.ndarray | None = None

    @property
    def inliers(self) -> int:
        """Number of matches that agree with the model."""
        return len(self.matches)


NOTHING = TwoView(np.zeros((0, 2), np.int32))


def verify_pairs(
    features: FeatureSource, pairs: Sequence[tuple[int, int]], config: VerifyConfig | None = None
) -> list[TwoView]:
    """Verifies pairs of photographs, several at a time. The result does not depend on the number of threads.

    Args:
        features: Local features of the photographs, as from `imgfp.pipeline.pairs.keypoints`.
        pairs: Positions of two photographs in `features`. Pairs that share photographs are best given together: up to 256
            photographs are kept in memory.
        config: The settings; None: the defaults.

    Returns:
        One `TwoView` per pair, in order. `.inliers` is the score of the pair: 0 where no geometry was found, and counts below
        `config.min_inliers` are kept, so that the caller decides.
    """
    settings = config or VerifyConfig()
    cache = PreparedPhotographs(features)

    def verify(pair: tuple[int, int]) -> TwoView:
        return verify_pair(cache.get(pair[0]), cache.get(pair[1]), settings)

    # torch counts threads per calling thread: without the initializer, each of ours would start several
    with (
        libraries_single_threaded(),
        ThreadPoolExecutor(thread_count(), initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        return list(pool.map(verify, pairs))


class Photograph:
    """The features of one photograph, prepared for comparison with many others.

    `points`: (n, 2) float64 pixels of the plane, pixel centre at 0.5. `longer`: the longer side of the plane in pixels.
    """

    def __init__(self, features: LocalFeatures) -> None:
        self.descriptors = np.ascontiguousarray(features.descriptors)
        self.prepared = PreparedDescriptors(self.descriptors)
        self.points = features.keypoints[:, :2].astype(np.float64) + 0.5
        self.longer = max(features.width, features.height)


def verify_pair(first: Photograph, second: Photograph, config: VerifyConfig) -> TwoView:
    """Matches two photographs, fits a fundamental matrix and a homography, and keeps the inliers of the one that has more."""
    rows = mutual_matches(first, second, config.ratio)
    if len(rows) < _MIN_MATCHES:
        return NOTHING
    source, target = first.points[rows[:, 0]], second.points[rows[:, 1]]
    longer = max(first.longer, second.longer)
    fundamental, epipolar = cv2.findFundamentalMat(
        source, target, cv2.USAC_ACCURATE, config.epipolar_error * longer, _CONFIDENCE, _TRIALS
    )
    homography, transfer = cv2.findHomography(
        source, target, cv2.USAC_ACCURATE, config.homography_error * longer, None, _TRIALS, _CONFIDENCE
    )
    counts = [0 if mask is None else int(mask.sum()) for mask in (epipolar, transfer)]
    if not max(counts):
        return NOTHING
    planar = counts[1] >= _PLANAR * counts[0]
    inside = (transfer if counts[1] > counts[0] else epipolar).ravel().astype(bool)
    return TwoView(rows[inside], planar, np.asarray(homography if planar else fundamental, np.float64))


def mutual_matches(first: Photograph, second: Photograph, ratio: float) -> np.ndarray:
    """(m, 2) int32 keypoints that are nearest to each other, and closer than `ratio` times the first's second nearest."""
    if not len(first.descriptors) or len(second.descriptors) < 2:
        return NOTHING.matches
    distances, rows = nearest_pair(first.prepared, second.prepared, 2)
    best, runner_up = distances[0].T.astype(np.float32)
    accepted = np.flatnonzero(best < np.float32(ratio * ratio) * runner_up)
    nearest = rows[0, accepted, 0]
    # only what passed the ratio is searched in the other direction: few of an unrelated pair
    back = nearest_pair(PreparedDescriptors(second.descriptors[nearest]), first.prepared, 1)[1][0, :, 0]
    mutual = back == accepted
    return np.stack([accepted[mutual], nearest[mutual]], axis=1).astype(np.int32)


class PreparedPhotographs:
    """The photographs used last, prepared; for several threads."""

    def __init__(self, features: FeatureSource) -> None:
        self._features, self._lock = features, Lock()
        self._cached: OrderedDict[int, Photograph] = OrderedDict()

    def get(self, row: int) -> Photograph:
        with self._lock:
            found = self._cached.get(row)
            if found is not None:
                self._cached.move_to_end(row)
                return found
        made = Photograph(self._features.get(row))  # two threads may both prepare one: cheaper than waiting
        with self._lock:
            self._cached[row] = made
            if len(self._cached) > _CACHED:
                self._cached.popitem(last=False)
        return made
