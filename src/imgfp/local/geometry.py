"""Fits a geometric model to the matches of a pair of images, and checks whether it is plausible for a copy."""

import cv2
import numpy as np

from imgfp.local.features import Transform

MIN_MATCHES = {"similarity": 2, "affine": 3, "homography": 4}  # matches that determine a model


def fit(kind: str, source: np.ndarray, target: np.ndarray, tolerance: float) -> np.ndarray | None:
    """The model from reference to query with most inliers, by OpenCV's RANSAC with a fixed seed, refined on its inliers.

    Args:
        kind: A key of MIN_MATCHES.
        source, target: (m, 2) float32 positions in the reference and in the query, in pixels.
        tolerance: Reprojection error of an inlier at most, in pixels of the query.

    Returns:
        (3, 3) float64 homography, or None.
    """
    if len(source) < MIN_MATCHES[kind]:
        return None
    if kind == "homography":
        model, _ = cv2.findHomography(source, target, cv2.RANSAC, tolerance, maxIters=2000, confidence=0.999)
    else:
        estimate = cv2.estimateAffinePartial2D if kind == "similarity" else cv2.estimateAffine2D
        model, _ = estimate(
            source, target, method=cv2.RANSAC, ransacReprojThreshold=tolerance, maxIters=2000, confidence=0.999
        )
        model = None if model is None else np.vstack([model, [0.0, 0.0, 1.0]])
    return model if model is not None and np.isfinite(model).all() else None


def project(model: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(n, 2) positions in the query of (n, 2) positions in the reference; NaN for one at or behind the horizon."""
    x, y, z = model @ np.vstack([points.T, np.ones(len(points))])
    z = np.where(z > 1e-9, z, np.nan)
    return np.stack([x / z, y / z], axis=1)


def stretch(model: np.ndarray, place: np.ndarray) -> tuple[float, float, float]:
    """Local scale of the model at a (2,) point of the reference: largest and smallest singular value, and the determinant's sign."""
    x, y, z = model @ np.append(place, 1.0)
    linear = (model[:2, :2] - np.outer([x / z, y / z], model[2, :2])) / z
    large, small = np.linalg.svd(linear, compute_uv=False)
    return float(large), float(small), float(np.sign(np.linalg.det(linear)))


def plausible(model: np.ndarray, place: np.ndarray, transform: Transform) -> bool:
    """Whether a copy can look like that at a (2,) point: anisotropy below 4, scale within 1/20 to 20, mirrored as `transform` says."""
    if not model[2] @ np.append(place, 1.0) > 1e-9:  # seen from behind
        return False
    large, small, sign = stretch(model, place)
    return small > 0.05 and large < 20 and large < 4 * small and (sign < 0) == transform.mirrored
