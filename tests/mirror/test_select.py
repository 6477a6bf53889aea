"""Selection of pairs: properties on random rankings, and cases computed by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgfp.errors import InputError
from imgfp.mirror.select import Candidates, GrowConfig, grow, knn, require_method, trees
from imgfp.mirror.view_graph import component_labels


def ranked(scores, k=None, **options):
    """Candidates of a symmetric (n, n) similarity matrix."""
    scores = np.array(scores, float)
    np.fill_diagonal(scores, -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")[:, : k or len(scores) - 1]
    return Candidates.of(order, np.take_along_axis(scores, order, 1), **options)


def random_scores(seed, count):
    values = np.random.default_rng(seed).integers(0, 30, (count, count)) / 30.0
    return (values + values.T) / 2


def degrees(candidates, rows):
    return np.bincount(candidates.pairs[rows].ravel(), minlength=candidates.count)


def components(count, pairs):
    return len(set(component_labels(count, np.array(pairs, np.int64).reshape(-1, 2)).tolist()))


@given(seed=st.integers(0, 10**6), count=st.integers(1, 12), top=st.integers(1, 20), truth=st.floats(0, 1))
@settings(deadline=None, max_examples=80)
def test_grow_keeps_its_bounds_and_finds_every_component(seed, count, top, truth):
    candidates = ranked(random_scores(seed, count))
    real = np.random.default_rng(seed + 1).random((count, count)) < truth
    asked = []

    def verify(pairs):
        asked.extend(pairs)
        return [15 if real[a, b] else 14 for a, b in pairs]

    rows, inliers = grow(candidates, verify, GrowConfig(top=top))
    assert [tuple(pair) for pair in candidates.pairs[rows].tolist()] == asked
    assert len(set(asked)) == len(asked)
    assert degrees(candidates, rows).max(initial=0) <= top
    again, _ = grow(candidates, lambda pairs: [15 if real[a, b] else 14 for a, b in pairs], GrowConfig(top=top))
    assert again.tolist() == rows.tolist()
    if top >= count - 1:  # nothing but success ends the search, so the components are those of all pairs
        verified = [pair for pair, found in zip(asked, inliers, strict=True) if found >= 15]
        everything = [(a, b) for a in range(count) for b in range(a + 1, count) if real[a, b]]
        assert components(count, verified) == components(count, everything)


def test_grow_joins_two_clusters_through_the_one_pair_that_verifies():
    """Two cliques of five; of the pairs between them, only the least similar one has a geometry."""
    scores = np.full((10, 10), 0.1)
    scores[:5, :5] = scores[5:, 5:] = 0.9
    scores[0, 9] = scores[9, 0] = 0.05
    candidates = ranked(scores)

    def verify(pairs):
        return [50 if (a < 5) == (b < 5) or (a, b) == (0, 9) else 0 for a, b in pairs]

    rows, inliers = grow(candidates, verify, GrowConfig())
    assert [0, 9] in candidates.pairs[rows[inliers > 0]].tolist()
    assert components(10, candidates.pairs[rows[inliers > 0]]) == 1
    few, _ = grow(candidates, verify, GrowConfig(budget=7))
    assert len(few) == 7


def test_grow_prefers_evidence_to_similarity():
    """Photographs 0 and 2 are the least similar, but both are verified with 1: their pair is tested in the second round."""
    scores = np.full((6, 6), 0.5)
    scores[[0, 1, 1, 2], [1, 0, 2, 1]] = scores[3:, 3:] = 0.9
    scores[0, 2] = scores[2, 0] = 0.1
    rounds = []

    def verify(pairs):
        rounds.append(set(pairs))
        return [50 if max(pair) < 3 else 0 for pair in pairs]

    grow(ranked(scores), verify, GrowConfig(first=1))
    assert {(0, 1), (1, 2)} <= rounds[0]
    assert (0, 2) in rounds[1] - rounds[0]


@given(seed=st.integers(0, 10**6), count=st.integers(1, 12), top=st.integers(1, 20))
@settings(deadline=None, max_examples=60)
def test_knn_and_trees_keep_their_bounds(seed, count, top):
    candidates = ranked(random_scores(seed, count))
    for choose in (knn, trees):
        rows = choose(candidates, top)
        assert degrees(candidates, rows).max(initial=0) <= top
        assert len(set(rows.tolist())) == len(rows)
        assert len(choose(candidates, top, budget=2)) == min(2, len(rows))
        if choose is trees and top >= count:  # one tree at least is complete
            assert components(count, candidates.pairs[rows]) == 1


def test_first_tree_is_the_maximum_spanning_tree():
    candidates = ranked([[0, 3, 1, 1], [3, 0, 2, 1], [1, 2, 0, 5], [1, 1, 5, 0]])
    assert candidates.pairs[trees(candidates, 3)].tolist() == [[2, 3], [0, 1], [1, 2]]


def test_candidates_of_a_ranking():
    """Photograph 2 ranks 0, 0 does not rank 2; the pair (0, 1) has the mean of both directions."""
    neighbours = np.array([[0, 1], [1, 0], [0, -1]])
    scores = np.array([[1.0, 0.5], [1.0, 0.7], [0.4, 0.0]])
    every = Candidates.of(neighbours, scores)
    assert every.pairs.tolist() == [[0, 1], [0, 2]]
    assert every.scores == pytest.approx([0.6, 0.4])
    assert every.ranks.tolist() == [0, 0]
    assert Candidates.of(neighbours, scores, mutual=True).pairs.tolist() == [[0, 1]]
    assert Candidates.of(neighbours, scores, min_score=0.5).pairs.tolist() == [[0, 1]]


def test_unknown_method():
    with pytest.raises(InputError, match="select='best': give one of grow, trees, knn"):
        require_method("best")
