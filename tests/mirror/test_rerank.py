"""Re-ranking by supported points: chains counted by plain loops, and the ranking they give."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from imgfp.mirror.ranking import Ranking
from imgfp.mirror.rerank import rerank, shared_points

COUNT, KEYPOINTS = 5, 4


@st.composite
def verified_pairs(draw):
    """Pairs of five photographs, each with a random partial assignment of four keypoints to four."""
    pairs = [(a, b) if draw(st.booleans()) else (b, a) for a in range(COUNT) for b in range(a) if draw(st.booleans())]
    return [
        (pair, np.array([(one, other) for one, other in enumerate(draw(st.permutations(range(KEYPOINTS)))) if draw(st.booleans())], np.int32).reshape(-1, 2))
        for pair in pairs
    ]  # fmt: skip


def by_loops(verified):
    matched = {}
    for (a, b), matches in verified:
        for one, other in matches.tolist():
            matched.setdefault((a, one), set()).add((b, other))
            matched.setdefault((b, other), set()).add((a, one))
    counts = np.zeros((COUNT, COUNT), np.int64)
    for (i, _), direct in matched.items():
        counts[i, i] += 1
        for j in set(range(COUNT)) - {i}:
            targets = [(j, other) for other in range(KEYPOINTS)]
            chains = [(t in direct) + sum(t in matched[middle] for middle in direct) for t in targets]
            counts[i, j] += max(chains) >= 2
    return counts


@given(verified_pairs())
def test_shared_points(verified):
    assert np.array_equal(shared_points(COUNT, verified).toarray(), by_loops(verified))


def test_nothing_verified():
    assert shared_points(2, []).toarray().tolist() == [[0, 0], [0, 0]]


def test_a_match_needs_a_third_photograph():
    rows = np.arange(3)
    chain = [((0, 1), np.stack([rows, rows], 1)), ((2, 1), np.stack([rows[:2], rows[:2]], 1))]
    assert shared_points(3, chain).toarray()[0].tolist() == [3, 0, 0]  # 0-1-2 alone is one chain
    closed = [*chain, ((0, 2), np.array([[0, 0], [2, 1]]))]
    # keypoint 0 is matched consistently in all three; keypoint 2 of 0 contradicts the others
    assert shared_points(3, closed).toarray().tolist() == [[3, 1, 1], [1, 3, 1], [1, 1, 2]]


def test_rerank():
    network = Ranking(np.array([[0, 1, 2], [1, 0, 2]]), np.array([[1.0, 0.6, 0.5], [0.9, 0.5, 0.5]]))
    points = np.zeros((6, 6), np.int64)
    points[5, [4, 2]] = 60, 10  # the first query is photograph 5: it shares most with one that the network did not list
    found = rerank(network, np.array([5, 1]), np.array([0, 1, 2, 3, 4]), sparse.csr_matrix(points), 4.0)
    assert found.indices.tolist() == [[4, 2, 0], [1, 0, 2]]
    assert found.scores[0] == pytest.approx([np.log(61) + 2, np.log(11) + 2, 4])
    assert found.scores[1] == pytest.approx([3.6, 2, 2])  # nothing verified: the network's order
