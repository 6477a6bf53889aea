"""The search with a global cap against its dense definition, in blocks of any size, with ties and without."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgfp.descriptors import capped_search, range_search
from imgfp.errors import InputError
from imgfp.records import DescriptorSet, Pairs

Made = Callable[..., DescriptorSet]


def dense(query: DescriptorSet, reference: DescriptorSet, metric: str) -> np.ndarray:
    """(q, r) float64 scores by the definition."""
    q, r = query.matrix.astype(np.float64), reference.matrix.astype(np.float64)
    return q @ r.T if metric == "cosine" else -((q[:, None] - r[None]) ** 2).sum(axis=2)


def score_of(pairs: Pairs, query: DescriptorSet, reference: DescriptorSet, metric: str) -> np.ndarray:
    rows, columns = np.searchsorted(query.ids, pairs.query_ids), np.searchsorted(reference.ids, pairs.reference_ids)
    return dense(query, reference, metric)[rows, columns]


@pytest.mark.parametrize("metric", ["l2", "cosine"])
@pytest.mark.parametrize(("queries", "references"), [(33, 700), (33, 4), (1, 1), (1100, 90), (5, 1500)])
def test_equals_the_dense_definition(made: Made, metric: str, queries: int, references: int) -> None:
    query, reference = made(0, queries, "Q"), made(1, references, "R")
    pairs = range_search(query, reference, metric=metric)
    scores = dense(query, reference, metric)
    best = np.sort(np.argsort(-scores, axis=None)[: 10 * queries])
    expected = {(query.ids[at // references], reference.ids[at % references]) for at in best}
    assert set(pairs.id_pairs()) == expected
    assert len(pairs) == min(10 * queries, queries * references)
    np.testing.assert_allclose(pairs.scores, score_of(pairs, query, reference, metric), atol=2e-6)
    assert pairs.query_ids.tolist() == sorted(pairs.query_ids), "grouped by query"
    same = pairs.query_ids[1:] == pairs.query_ids[:-1]
    assert (np.diff(pairs.scores)[same] <= 0).all(), "best first within a query"


def test_the_cap_is_global(made: Made) -> None:
    reference = made(1, 60, "R")
    near = reference.matrix[:1] + np.float32(0.01)
    query = DescriptorSet(np.array(["Q0", "Q1"]), np.concatenate([near, -20 * near]))
    pairs = range_search(query, reference, per_query=4)
    assert pairs.query_ids.tolist() == ["Q0"] * 8, "one query takes all, the other has no answer"
    assert pairs.reference_ids[0] == "R0000"


def test_total_is_another_cap(made: Made) -> None:
    query, reference = made(0, 30, "Q"), made(1, 50, "R")
    assert len(range_search(query, reference, total=7)) == 7
    assert len(range_search(query, reference, total=10**9)) == 1500
    assert len(range_search(query, reference, per_query=1)) == 30
    assert range_search(query, reference, total=1).scores[0] == range_search(query, reference).scores.max()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whole_numbers_with_many_ties_in_blocks_of_any_size(
    monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    """Small whole numbers have exact scores and many equal ones, at the cap too."""
    size = st.integers(1, 30)
    queries, references, cap = data.draw(size), data.draw(size), data.draw(st.integers(1, 200))
    metric = data.draw(st.sampled_from(["l2", "cosine"]))
    monkeypatch.setattr(capped_search, "QUERY_BLOCK", data.draw(size))
    monkeypatch.setattr(capped_search, "REFERENCE_BLOCK", data.draw(size))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    query, reference = (
        DescriptorSet(
            np.array([f"{prefix}{n:02d}" for n in range(count)]), rng.integers(-1, 2, (count, 3)).astype(np.float32)
        )
        for prefix, count in (("Q", queries), ("R", references))
    )
    pairs = range_search(query, reference, metric=metric, total=cap)
    assert len(set(pairs.id_pairs())) == len(pairs) == min(cap, queries * references)
    assert pairs.scores.tolist() == score_of(pairs, query, reference, metric).tolist()
    best = -np.sort(-dense(query, reference, metric), axis=None)[: len(pairs)]
    assert sorted(pairs.scores.tolist(), reverse=True) == best.tolist()


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_memory_is_two_caps_and_a_block_even_where_all_scores_are_equal(
    monkeypatch: pytest.MonkeyPatch, metric: str
) -> None:
    """A network that has collapsed gives one descriptor for everything."""
    monkeypatch.setattr(capped_search, "QUERY_BLOCK", 16)
    monkeypatch.setattr(capped_search, "REFERENCE_BLOCK", 8)
    held = []
    add = capped_search._BestPairs.add

    def watched(self: capped_search._BestPairs, *found: np.ndarray) -> None:
        held.append(self._count + len(found[0]))
        add(self, *found)

    monkeypatch.setattr(capped_search._BestPairs, "add", watched)
    sets = [DescriptorSet(np.array([f"{p}{n:03d}" for n in range(200)]), np.ones((200, 4), np.float32)) for p in "QR"]
    pairs = range_search(sets[0], sets[1], per_query=1, metric=metric)
    assert len(set(pairs.id_pairs())) == len(pairs) == 200
    assert max(held) <= 2 * 200 + 16 * 8
    assert len(held) == 13 * 25


def test_nothing_on_one_side(made: Made) -> None:
    assert len(range_search(made(0, 0, "Q"), made(1, 5, "R"))) == 0
    assert len(range_search(made(0, 5, "Q"), made(1, 0, "R"))) == 0


def test_bad_input(made: Made) -> None:
    query = made(0, 3, "Q")
    with pytest.raises(
        InputError, match="query dimension 24 differs from reference dimension 16: extract both with the same encoder"
    ):
        range_search(query, made(1, 4, "R", dim=16))
    with pytest.raises(InputError, match="metric='cos': must be one of cosine, l2"):
        range_search(query, made(1, 4, "R"), metric="cos")
    for wrong in ({"per_query": 0}, {"total": 0}):
        with pytest.raises(InputError, match="the cap is 0 pairs: per_query and total must be >= 1"):
            range_search(query, made(1, 4, "R"), **wrong)
