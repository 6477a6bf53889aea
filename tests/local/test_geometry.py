"""Models, hypotheses and one-to-one inliers on point sets whose transformation is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgfp.local.features import PLAIN, Transform
from imgfp.local.geometry import MIN_MATCHES, fit, plausible, project, stretch
from imgfp.local.hypotheses import agreeing
from imgfp.local.verify import _first_of_each

HOMOGRAPHY = np.array([[0.9, -0.2, 30], [0.15, 1.1, -12], [2e-4, -1e-4, 1]])
AFFINE = np.array([[1.2, 0.3, -20], [-0.1, 0.8, 40], [0, 0, 1]])
SIMILARITY = np.array([[0.6, -0.8, 100], [0.8, 0.6, 10], [0, 0, 1]]) * np.array([[2, 2, 1], [2, 2, 1], [1, 1, 1]])
MIRROR = np.array([[-1.0, 0, 299], [0, 1, 0], [0, 0, 1]])


def points(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 300, (count, 2)).astype(np.float32)


def test_project_by_hand() -> None:
    model = np.array([[2.0, 0, 1], [0, 3, -1], [0.5, 0, 1]])
    found = project(model, np.array([[2.0, 4], [0, 0], [-2, 0], [-4, 0]]))
    np.testing.assert_allclose(found[:2], [[5 / 2, 11 / 2], [1, -1]])
    assert np.isnan(found[2:]).all(), "at and behind the horizon"


def test_stretch_by_hand() -> None:
    assert stretch(np.diag([3.0, 2, 1]), np.array([7.0, 9])) == pytest.approx((3, 2, 1))
    assert stretch(MIRROR, np.zeros(2)) == pytest.approx((1, 1, -1))
    assert stretch(SIMILARITY * 5, np.zeros(2)) == pytest.approx((2, 2, 1)), "a homography has no scale of its own"


def test_stretch_of_a_homography_is_its_derivative() -> None:
    place, step = np.array([120.0, 80]), 1e-4
    ends = project(HOMOGRAPHY, place + step * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]))
    derivative = np.stack([ends[0] - ends[1], ends[2] - ends[3]], axis=1) / (2 * step)
    large, small = np.linalg.svd(derivative, compute_uv=False)
    assert stretch(HOMOGRAPHY, place) == pytest.approx((large, small, 1), rel=1e-6)


@pytest.mark.parametrize(
    ("model", "transform", "possible"),
    [
        (np.eye(3), PLAIN, True),
        (np.eye(3), Transform(inverted=True), True),
        (np.eye(3), Transform(mirrored=True), False),
        (MIRROR, PLAIN, False),
        (MIRROR, Transform(mirrored=True), True),
        (MIRROR, Transform(True, True), True),
        (np.diag([3.9, 1, 1]), PLAIN, True),
        (np.diag([4.1, 1, 1]), PLAIN, False),
        (np.diag([0.06, 0.06, 1]), PLAIN, True),
        (np.diag([0.04, 0.04, 1]), PLAIN, False),
        (np.diag([19.0, 19, 1]), PLAIN, True),
        (np.diag([21.0, 21, 1]), PLAIN, False),
        (np.diag([1.0, 0, 1]), PLAIN, False),
    ],
)
def test_plausible_models(model: np.ndarray, transform: Transform, possible: bool) -> None:
    assert plausible(model, np.array([10.0, 20]), transform) is possible


@pytest.mark.parametrize(
    ("kind", "model"), [("similarity", SIMILARITY), ("affine", AFFINE), ("affine", MIRROR), ("homography", HOMOGRAPHY)]
)
def test_a_model_is_found_among_outliers(kind: str, model: np.ndarray) -> None:
    source = points(40)
    target = project(model, source).astype(np.float32)
    target[:12] = points(12, 1)
    found = fit(kind, source, target, 3.0)
    assert found is not None
    np.testing.assert_allclose(project(found, source), project(model, source), atol=0.05)
    np.testing.assert_array_equal(found, fit(kind, source, target, 3.0))


@pytest.mark.parametrize("kind", MIN_MATCHES)
def test_too_few_or_equal_points_give_no_model_or_an_impossible_one(kind: str) -> None:
    source = points(MIN_MATCHES[kind])
    assert fit(kind, source[:-1], source[:-1], 5.0) is None
    assert fit(kind, source, source, 5.0) is not None
    same = np.repeat(source[:1], 5, axis=0)
    found = fit(kind, same, same, 5.0)
    assert found is None or not plausible(found, same[0], PLAIN)


def keypoints(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    sigma, theta = rng.uniform(1.6, 12, count), rng.uniform(-math.pi, math.pi, count)
    return np.column_stack([points(count, seed), sigma, theta]).astype(np.float32)


def moved(items: np.ndarray, scale: float, turn: float, transform: Transform) -> np.ndarray:
    """Keypoints of an image that was mirrored or inverted as `transform` says, then scaled and turned."""
    x, y, sigma, theta = items.astype(np.float64).T
    if transform.mirrored:
        x, theta = 299 - x, math.pi - theta
    if transform.inverted:
        theta = theta + math.pi
    a, b = scale * math.cos(turn), scale * math.sin(turn)
    columns = a * x - b * y + 11, b * x + a * y - 7, scale * sigma, theta + turn
    return np.column_stack(columns).astype(np.float32)


TRANSFORMS = [PLAIN, Transform(mirrored=True), Transform(inverted=True), Transform(True, True)]


@given(
    st.sampled_from(TRANSFORMS),
    st.floats(0.2, 4),
    st.floats(-math.pi, math.pi),
    st.integers(3, 12),
    st.integers(0, 1000),
)
def test_right_matches_agree_whatever_scale_turn_and_form(
    transform: Transform, scale: float, turn: float, right: int, seed: int
) -> None:
    reference = keypoints(right, seed)
    assert agreeing(reference, moved(reference, scale, turn, transform), transform, 0.25).all()


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_few_right_matches_are_found_among_many_wrong_ones(transform: Transform) -> None:
    reference = keypoints(60)
    query = moved(reference, 1.7, 0.4, transform)
    query[8:] = keypoints(52, seed=5)
    found = agreeing(reference, query, transform, 0.25)
    assert found[:8].all()
    assert found[8:].sum() <= 3
    for other in TRANSFORMS:
        if other != transform:
            assert agreeing(reference, query, other, 0.25).sum() < 8


def test_position_size_and_direction_must_all_agree() -> None:
    reference = keypoints(5)
    for column, change in ((0, 60.0), (1, -60.0), (2, None), (3, 1.0)):
        query = moved(reference, 1, 0, PLAIN)
        query[0, column] = query[0, column] * 2.5 if change is None else query[0, column] + change
        assert agreeing(reference, query, PLAIN, 0.0).tolist() == [False, True, True, True, True]


def test_tolerance_grows_with_the_distance_by_hand() -> None:
    reference = np.array([[0, 0, 2, 0], [100, 0, 2, 0]], np.float32)
    query = reference + np.array([[0, 0, 0, 0], [30, 0, 0, 0]], np.float32)  # 130 away instead of 100, 30 off
    assert agreeing(reference, query, PLAIN, 0.2).tolist() == [True, True]  # 5 + 0.2 * 130 = 31
    assert agreeing(reference, query, PLAIN, 0.19).tolist() == [True, False]  # 5 + 0.19 * 130 = 29.7


def test_no_match_and_one_match() -> None:
    assert agreeing(keypoints(0), keypoints(0), PLAIN, 0.25).shape == (0,)
    assert agreeing(keypoints(1), keypoints(1, 3), PLAIN, 0.25).tolist() == [True]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=20))
def test_lines_are_one_to_one_and_no_keypoint_is_taken_from_its_first(rows: list[tuple[int, int]]) -> None:
    kept = _first_of_each(np.array(rows, dtype=np.int64).reshape(-1, 2)).tolist()
    taken = [rows[place] for place in kept]
    for side in (0, 1):
        ends = [row[side] for row in taken]
        assert len(set(ends)) == len(ends)
    for place, row in enumerate(rows):
        first = all(row[side] != earlier[side] for earlier in rows[:place] for side in (0, 1))
        assert (place in kept) == first
