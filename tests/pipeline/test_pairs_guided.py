"""Guided matching against a slow computation, and on a repeated pattern that the ratio test refuses."""

import numpy as np
import pytest

from imgfp.local.features import LocalFeatures
from imgfp.local.store import LoadedFeatures
from imgfp.pipeline.pairs.guided import guided_matches, guided_pairs
from imgfp.pipeline.pairs.verify import Photograph, TwoView, VerifyConfig

CONFIG = VerifyConfig()
SIDEWAYS = np.array([[0, 0, 0], [0, 0, -1], [0, 1, 0]], np.float64)  # F of a camera that moved to the side: rows stay


def photograph(rng, places, patterns):
    """Keypoints at (n, 2) `places` with noisy copies of the descriptors `patterns`."""
    noisy = np.clip(patterns + rng.integers(-4, 5, patterns.shape), 0, 255).astype(np.uint8)
    keypoints = np.concatenate([places - 0.5, np.ones((len(places), 2))], axis=1).astype(np.float32)
    return LocalFeatures(keypoints, noisy, 640, 480)


def slow(first, second, found):
    """By matrices: squared distances where both points are along, the mutual nearest that passes the ratio test."""
    one, other = (np.c_[side.points, np.ones(len(side.points))] for side in (first, second))
    if found.planar:
        moved = one @ found.model.T
        off = np.linalg.norm((moved[:, :2] / moved[:, 2:])[:, None] - other[None, :, :2], axis=2)
        along = off < CONFIG.homography_error * 640
    else:
        lines, back = one @ found.model.T, other @ found.model
        off = np.abs(lines @ other.T)
        farther = np.maximum(
            off / np.linalg.norm(lines[:, :2], axis=1)[:, None], off / np.linalg.norm(back[:, :2], axis=1)
        )
        along = farther < CONFIG.epipolar_error * 640
    differences = first.descriptors[:, None].astype(np.int64) - second.descriptors[None]
    distances = np.where(along, (differences**2).sum(axis=2), np.inf)
    matches = []
    for row in range(len(distances)):
        column = int(distances[row].argmin())
        best, runner_up = np.partition(distances[row], 1)[:2]
        near = best < min((0.7 * 255) ** 2, 0.75**2 * runner_up)
        if near and distances[:, column].argmin() == row:
            matches.append((row, column))
    return matches


@pytest.mark.parametrize("planar", [False, True])
def test_equal_to_a_slow_computation(planar) -> None:
    rng = np.random.default_rng(5)
    patterns = rng.integers(0, 40, (150, 128))
    places = rng.uniform((0, 0), (640, 480), (150, 2))
    moved = places + rng.normal(0, 1.5, places.shape) + np.array([(0, 0) if planar else (30, 0)])
    first, second = (Photograph(photograph(rng, where, patterns)) for where in (places, moved))
    found = TwoView(np.zeros((0, 2), np.int32), planar, np.eye(3) if planar else SIDEWAYS)
    expected = slow(first, second, found)
    assert 60 < len(expected) < 150  # some are moved away from their lines
    assert guided_matches(first, second, found, CONFIG).tolist() == [list(match) for match in expected]


def test_a_pattern_repeated_in_other_rows_is_matched_along_its_row() -> None:
    rng = np.random.default_rng(7)
    patterns = np.tile(rng.integers(0, 40, (1, 128)), (10, 1))
    places = np.stack([rng.uniform(0, 600, 10), np.arange(10) * 40.0 + 20], axis=1)
    sides = [photograph(rng, where, patterns) for where in (places, places + np.array([25, 0]))]
    features = LoadedFeatures(("first", "second"), sides)
    known = TwoView(np.array([[0, 0]], np.int32), False, SIDEWAYS)
    ((pair, more),) = guided_pairs(features, [((0, 1), known)], 1)
    assert pair == (0, 1)
    assert more.matches.tolist() == [[row, row] for row in range(10)]
    fewer = TwoView(np.stack([np.arange(11)] * 2, axis=1).astype(np.int32), False, SIDEWAYS)
    assert next(guided_pairs(features, [((0, 1), fewer)], 1))[1] is fewer  # never fewer than the inliers
