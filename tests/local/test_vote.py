"""Votes and match scores on synthetic features whose answer is known."""

from collections.abc import Iterator

import numpy as np
import pytest

from imgfp.local.features import LocalFeatures, Transform, transform_descriptors
from imgfp.local.index.neighbours import ExactIndex, Neighbours
from imgfp.local.match import MatchInput, match
from imgfp.local.sift.sift import SiftConfig, extract_sift
from imgfp.local.verify import MatchConfig, compare_pair
from imgfp.local.vote import Candidate, VoteConfig, imgfp_tally, vote, weighted_votes


class Source:
    """Features in memory."""

    def __init__(self, items: list[LocalFeatures]) -> None:
        self.items = items
        self.ids = tuple(str(number) for number in range(len(items)))
        self.fingerprint = "made"
        self.offsets = np.cumsum([0] + [len(item) for item in items])

    def get(self, index: int) -> LocalFeatures:
        return self.items[index]

    def blocks(self) -> Iterator[np.ndarray]:
        return (item.descriptors for item in self.items)


def parts(features: LocalFeatures, rows: slice) -> LocalFeatures:
    return LocalFeatures(features.keypoints[rows], features.descriptors[rows], features.width, features.height)


@pytest.fixture
def source(make_features) -> Source:
    return Source([make_features(seed, count) for seed, count in enumerate([40, 0, 60, 30])])


@pytest.mark.parametrize("rule", ["imgfp", "weighted"])
def test_a_copy_is_found(source: Source, rule: str) -> None:
    queries = [parts(source.get(2), slice(0, 20)), parts(source.get(3), slice(5, 15)), LocalFeatures.none(9, 9)]
    found = vote(
        queries,
        ExactIndex(source),
        VoteConfig(rule=rule, k=1 if rule == "imgfp" else 8, mirrored=False, inverted=False),
    )
    assert [candidates[0].reference for candidates in found[:2]] == [2, 3]
    assert found[2] == []
    if rule == "imgfp":
        assert found[0] == [Candidate(2, 20.0)]


def test_answers_do_not_depend_on_batch(source: Source) -> None:
    queries = [
        parts(source.get(0), slice(0, 12)),
        parts(source.get(2), slice(3, 30)),
        parts(source.get(3), slice(0, 9)),
    ]
    together = vote(queries, ExactIndex(source), VoteConfig())
    assert together == [vote([query], ExactIndex(source), VoteConfig())[0] for query in queries]


def test_mirrored_copy_is_found_only_when_asked_for(source: Source) -> None:
    original = source.get(2)
    query = LocalFeatures(
        original.keypoints, transform_descriptors(original.descriptors, Transform(mirrored=True)), 300, 400
    )
    plain, both = (
        vote([query], ExactIndex(source), VoteConfig(mirrored=mirrored, damped=False))[0] for mirrored in (False, True)
    )
    assert both[0].reference == 2
    assert both[0].votes == pytest.approx(120.0), "60 keypoints: 1, and 1 because no other image is near"
    assert plain[0].votes < 60


def test_no_query_and_no_reference(source: Source) -> None:
    assert vote([], ExactIndex(source), VoteConfig()) == []
    assert vote([source.get(0)], ExactIndex(Source([])), VoteConfig()) == [[]]
    assert vote(
        [source.get(0)], ExactIndex(Source([])), VoteConfig(rule="imgfp", k=1, mirrored=False, inverted=False)
    ) == [[]]


def test_number_of_candidates_is_limited(source: Source) -> None:
    assert len(vote([source.get(0)], ExactIndex(source), VoteConfig(candidates=2))[0]) == 2


# keypoint 0: image 5 at 10, image 6 at 20, image 5 again at 40 (the limit); keypoint 1: only two neighbours
HAND = Neighbours(
    np.array([[[10, 20, 40], [0, 30, 2**31 - 1]]], np.int32),
    np.array([[[5, 6, 5], [6, 6, -1]]]),
    np.array([[[50, 60, 51], [60, 61, -1]]]),
)


@pytest.mark.parametrize(
    ("damped", "wanted"),
    [
        # the nearest image against the nearest descriptor of another: 1 - 10 / 20; nothing else is near keypoint 1
        (False, [0.75 + 0.5, 0.5 + 1.0 + 1.0]),
        # descriptor 60 is named twice
        (True, [0.75 + 0.5, (0.5 + 1.0 + 1.0) / np.sqrt(2)]),
    ],
)
def test_weights_by_hand(damped: bool, wanted: list[float]) -> None:
    images, votes = weighted_votes(HAND, 0, VoteConfig(damped=damped))
    assert images.tolist() == [5, 6]
    assert votes == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("owners", "mean", "emitted"),
    [
        ([1] * 4 + [2] * 3, 100, 1),
        ([1] * 3 + [2] * 2, 100, None),  # more than 3
        ([1] * 4 + [2] * 4, 100, None),  # more than the runner-up
        ([1] * 5, 100, None),  # one image alone needs more than 5
        ([1] * 6, 100, 1),
        ([1] * 6, 8000, None),  # below 8000
        ([1] * 6, 7999, 1),
        ([], 0, None),
        ([-1] * 9, 2**31 - 1, None),
    ],
)
def test_imgfp_limits(owners: list[int], mean: int, emitted: int | None) -> None:
    assert imgfp_tally(np.full(len(owners), mean, np.int32), np.array(owners, dtype=int)).emitted == emitted


@pytest.mark.parametrize("mirrored", [False, True])
def test_inliers_separate_copies_from_other_images(make_texture, mirrored: bool) -> None:
    original = make_texture(1, 300, 340)
    copy = original[30:260, 40:300]
    query, reference, other = (
        MatchInput(extract_sift(np.ascontiguousarray(photo), SiftConfig()), MatchConfig().transforms)
        for photo in (copy[:, ::-1] if mirrored else copy, original, make_texture(2, 300, 340))
    )
    for config in (MatchConfig(), MatchConfig(score="count", ratio=1.8)):
        right, wrong = (compare_pair(query, side, config) for side in (reference, other))
        assert right.transform == Transform(mirrored=mirrored)
        assert right.score > 20 > 4 * wrong.score
    right = compare_pair(query, reference, MatchConfig())
    assert int(right.score) == len(right.lines)
    source = reference.features.keypoints[right.lines[:, 0], :2]
    target = query.features.keypoints[right.lines[:, 1], :2]
    wanted_x = 259 - (source[:, 0] - 40) if mirrored else source[:, 0] - 40
    assert np.median(np.abs(target[:, 0] - wanted_x)) < 3
    assert np.median(np.abs(target[:, 1] - (source[:, 1] - 30))) < 3


def test_comparison_is_deterministic(make_texture) -> None:
    sides = [
        MatchInput(extract_sift(make_texture(1, 300, height), SiftConfig()), MatchConfig().transforms)
        for height in (340, 320)
    ]
    first, second = (compare_pair(*sides, MatchConfig()) for _ in range(2))
    assert first.score == second.score
    np.testing.assert_array_equal(first.lines, second.lines)


def test_nothing_to_match(make_features) -> None:
    empty, one, some = (
        MatchInput(item, MatchConfig().transforms)
        for item in (LocalFeatures.none(5, 5), make_features(1, 1), make_features(2, 30))
    )
    for query, reference in ((empty, some), (some, empty), (empty, empty)):
        assert compare_pair(query, reference, MatchConfig()).score == 0
    assert len(match(one, some, 1.8)[0]) >= 1  # a single query keypoint has no second best
    assert compare_pair(one, some, MatchConfig()).score == 0  # but no geometry either


def test_without_an_image_the_others_move_up() -> None:
    left = HAND.without(5, 2)
    assert left.owners.tolist() == [[[6, -1], [6, 6]]]
    assert left.rows.tolist() == [[[60, -1], [60, 61]]]
    assert left.distances.tolist() == [[[20, 40], [0, 30]]], "40: the farthest that was looked at"


def test_an_image_does_not_vote_for_itself_and_loses_no_neighbour_by_that(source: Source) -> None:
    copied = Source([*source.items, parts(source.get(2), slice(0, 50))])
    asked = [0, 3, 2, 4]
    found = vote([copied.get(image) for image in asked], ExactIndex(copied), VoteConfig(), asked)
    assert [candidates[0].reference for candidates in found[2:]] == [4, 2]
    for image, candidates in zip(asked[:2], found[:2], strict=True):
        # as if it were no reference at all
        others = [number for number in range(len(copied.items)) if number != image]
        index = ExactIndex(Source([copied.get(number) for number in others]))
        alone = vote([copied.get(image)], index, VoteConfig())[0]
        assert [others[item.reference] for item in alone] == [item.reference for item in candidates]
        assert [item.votes for item in alone] == pytest.approx([item.votes for item in candidates])
