"""Do the matches of a pair agree on one geometry? Inliers of an affine model."""

from dataclasses import dataclass

import cv2
import numpy as np

from imgfp.local.features import Variant, variants
from imgfp.local.match import Matches, Side, match

_LEAST = 3  # matches that fix an affine model


@dataclass(frozen=True)
class MatchConfig:
    """How a pair of images is compared and rated.

    `score` "count": imgFp's, the larger number of matches, plain or mirrored. "inliers": matches that agree with one
    affine model, plus the share of matches that do, which is below one and tells equal counts apart.
    """

    score: str = "inliers"
    ratio: float = 1.8  # best squared distance * ratio < second best squared distance
    tolerance: float = 5.0  # pixels of the query's plane that an inlier may be off; only for "inliers"
    inverted: bool = True  # compare with the reference's negative too

    @property
    def forms(self) -> tuple[Variant, ...]:
        """What a reference is compared as: always plain and mirrored."""
        return variants(True, self.inverted)


@dataclass(frozen=True)
class MatchedPair:
    """What comparing a pair gave. `lines`: (m, 2) int64 reference and query keypoints that support the score."""

    score: float
    lines: np.ndarray
    form: Variant


def compare_pair(query: Side, reference: Side, config: MatchConfig) -> MatchedPair:
    """Rates one pair in every form and keeps the best, the first among equals. The sides have the forms of `config`."""
    rate = _count if config.score == "count" else _inliers
    rated = [rate(query, reference, matches, config) for matches in match(query, reference, config.ratio)]
    return max(rated, key=lambda item: item.score)


def _count(query: Side, reference: Side, matches: Matches, config: MatchConfig) -> MatchedPair:
    return MatchedPair(float(len(matches)), matches.rows, matches.form)


def _inliers(query: Side, reference: Side, matches: Matches, config: MatchConfig) -> MatchedPair:
    """Inliers of the affine map from reference to query that most matches agree with (RANSAC, fixed seed)."""
    none = MatchedPair(0.0, matches.rows[:0], matches.form)
    if len(matches) < _LEAST:
        return none
    source = reference.features.keypoints[matches.rows[:, 0], :2]
    target = query.features.keypoints[matches.rows[:, 1], :2]
    model, mask = cv2.estimateAffine2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=config.tolerance, maxIters=2000, confidence=0.999
    )
    if model is None or not np.isfinite(model).all() or not _plausible(model[:, :2], matches.form.mirrored):
        return none
    inliers = matches.rows[mask.ravel().astype(bool)]
    return MatchedPair(len(inliers) + len(inliers) / (len(matches) + 1), inliers, matches.form)


def _plausible(linear: np.ndarray, mirrored: bool) -> bool:
    """A copy is neither squeezed to a line nor turned inside out: stretch at most 4 : 1, scale 1/20 to 20, right handedness."""
    large, small = np.linalg.svd(linear, compute_uv=False)
    return bool(small > 0.05 and large < 20 and large < 4 * small and (np.linalg.det(linear) < 0) == mirrored)
