"""Verification on synthetic cameras: points in space give a fundamental matrix, points of a plane a homography."""

import numpy as np
import pytest

from imgfp.local.features import LocalFeatures
from imgfp.local.store import LoadedFeatures
from imgfp.pipeline.pairs.keypoints import KeypointConfig, extract_keypoints
from imgfp.pipeline.pairs.verify import VerifyConfig, verify_pairs

WIDTH, HEIGHT, POINTS = 640, 480, 120


def descriptors(rng, count):
    """Random RootSIFT: square roots of shares."""
    values = rng.random((count, 128)) ** 4
    return np.rint(255 * np.sqrt(values / values.sum(axis=1, keepdims=True))).astype(np.uint8)


def two_views(depth, agreeing=POINTS):
    """Features of two cameras; beyond the first `agreeing` points the second photograph has them elsewhere."""
    rng = np.random.default_rng(3)
    world = np.stack([rng.uniform(-2, 2, POINTS), rng.uniform(-1.5, 1.5, POINTS), 6 + depth * rng.random(POINTS)])
    camera = np.array([[600, 0, WIDTH / 2], [0, 600, HEIGHT / 2], [0, 0, 1.0]])
    turn = np.array([[np.cos(0.1), 0, np.sin(0.1)], [0, 1, 0], [-np.sin(0.1), 0, np.cos(0.1)]])
    seen = [camera @ world, camera @ (turn @ world + np.array([[-0.8], [0.1], [0.2]]))]
    known = descriptors(rng, POINTS)
    views = []
    for number, homogeneous in enumerate(seen):
        places = (homogeneous[:2] / homogeneous[2]).T
        if number:
            places[agreeing:] = rng.uniform((0, 0), (WIDTH, HEIGHT), (POINTS - agreeing, 2))
        keypoints = np.concatenate([places - 0.5, np.ones((POINTS, 2))], axis=1).astype(np.float32)
        views.append(LocalFeatures(keypoints, known, WIDTH, HEIGHT))
    return LoadedFeatures(("first", "second"), views)


def test_points_in_space_give_a_fundamental_matrix():
    features = two_views(depth=4, agreeing=80)
    (found,) = verify_pairs(features, [(0, 1)])
    assert 75 <= found.inliers <= 90
    assert not found.planar
    assert (found.matches[:, 0] == found.matches[:, 1]).all()  # point n is keypoint n in both
    first, second = (
        np.c_[features.get(side).keypoints[found.matches[:, side], :2] + 0.5, np.ones(found.inliers)] for side in (0, 1)
    )
    lines = first @ found.model.T
    distances = np.abs((second * lines).sum(axis=1)) / np.linalg.norm(lines[:, :2], axis=1)
    assert np.median(distances) < 0.1
    assert distances.max() < 4


def test_points_of_a_plane_give_a_homography():
    features = two_views(depth=0, agreeing=80)
    (found,) = verify_pairs(features, [(0, 1)])
    assert 80 <= found.inliers <= 90
    assert found.planar
    true = features.get(0).keypoints[:80, :2] + 0.5
    moved = np.c_[true, np.ones(80)] @ found.model.T
    assert moved[:, :2] / moved[:, 2:] == pytest.approx(features.get(1).keypoints[:80, :2] + 0.5, abs=0.5)


def test_order_threads_and_unrelated_photographs(monkeypatch):
    features = two_views(depth=4)
    rng = np.random.default_rng(9)
    other = LocalFeatures(features.get(0).keypoints, descriptors(rng, POINTS), WIDTH, HEIGHT)
    every = LoadedFeatures(
        ("first", "second", "other", "empty"),
        (features.get(0), features.get(1), other, LocalFeatures.none(WIDTH, HEIGHT)),
    )
    pairs = [(0, 2), (0, 1), (0, 3), (1, 0), (3, 2)]
    found = verify_pairs(every, pairs)
    assert [item.inliers >= VerifyConfig().min_inliers for item in found] == [False, True, False, True, False]
    assert found[2].inliers == found[4].inliers == 0
    monkeypatch.setenv("IMGFP_THREADS", "3")
    for one, three in zip(found, verify_pairs(every, pairs), strict=True):
        assert np.array_equal(one.matches, three.matches)
        assert one.planar == three.planar


@pytest.mark.parametrize("size", [(8, 200), (200, 200)])
def test_no_keypoints(size):
    assert len(extract_keypoints(np.full((*size, 3), 90, np.uint8), KeypointConfig())) == 0


def test_most_keypoints_are_kept_by_size():
    rgb = np.random.default_rng(1).integers(0, 255, (160, 200, 3), dtype=np.uint8)
    every, few = (extract_keypoints(rgb, KeypointConfig(keypoints=count)) for count in (10**6, 50))
    assert len(few) == 50 < len(every)
    assert (few.width, few.height) == (300, 240)
    assert few.keypoints[:, 2].min() >= np.sort(every.keypoints[:, 2])[-50]
