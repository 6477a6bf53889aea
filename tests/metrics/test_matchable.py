"""Matchable retrieval: equality with a slow definition written from the protocols' texts, and figures counted by hand."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgfp.metrics import Protocol, Relevance, evaluate_rankings
from imgfp.metrics.bootstrap import mean_interval

IMAGES = 12
rankings = st.lists(st.integers(0, IMAGES - 1), max_size=20)  # repeats too: the originals count them again
some = st.lists(st.integers(0, IMAGES - 1), max_size=6)
depths = st.sampled_from([None, 1, 3, 5, 50])


def slow(ranking: list[int], positives: list[int], ignored: list[int], protocol: Protocol) -> tuple[float, float]:
    """AP and recall in exact fractions, place by place, as the area under the precision-recall curve."""
    if not positives:
        return math.nan, math.nan
    total = len(positives) if protocol.depth is None else min(len(positives), protocol.depth)
    kept = [image for image in ranking if image not in ignored]
    area, recall, precision, hits = Fraction(0), Fraction(0), Fraction(1), 0
    for place, image in enumerate(kept[: protocol.depth], start=1):
        hits += image in positives
        new_recall, new_precision = Fraction(hits, total), Fraction(hits, place)
        area += (new_recall - recall) * (precision + new_precision) / 2
        recall, precision = new_recall, new_precision
    early = sum(image in positives for image in kept[: protocol.recall_k])
    return float(area), early / min(protocol.recall_k, len(positives))


@given(st.lists(st.tuples(rankings, some, some), min_size=1, max_size=5), depths, st.integers(1, 12))
def test_equals_the_slow_definition(queries, depth, recall_k) -> None:
    protocol = Protocol(depth, recall_k)
    columns = [tuple(np.array(each, dtype=np.int64) for each in column) for column in zip(*queries, strict=True)]
    metrics = evaluate_rankings(columns[0], Relevance(columns[1], columns[2]), protocol)
    wanted = np.array([slow(*query, protocol) for query in queries])
    assert metrics.average_precision == pytest.approx(wanted[:, 0], nan_ok=True)
    assert metrics.recall == pytest.approx(wanted[:, 1], nan_ok=True)
    counted = [bool(positives) for _, positives, _ in queries]
    assert metrics.counted.tolist() == counted
    if any(counted):
        assert metrics.figures() == pytest.approx(
            {protocol.map_name: np.nanmean(wanted[:, 0]), protocol.recall_name: np.nanmean(wanted[:, 1])}
        )


def relevance(positives: list[int], ignored: list[int]) -> Relevance:
    return Relevance((np.array(positives, dtype=int),), (np.array(ignored, dtype=int),))


def test_counted_by_hand() -> None:
    ranking = [np.array([0, 5, 1, 6, 2])]  # the query itself, a hit, a miss, junk, a hit
    metrics = evaluate_rankings(ranking, relevance([5, 2, 9], [0, 6]), Protocol())
    assert metrics.average_precision[0] == pytest.approx((1 + (1 / 2 + 2 / 3) / 2) / 3)
    assert metrics.recall[0] == pytest.approx(2 / 3)
    cut = evaluate_rankings(ranking, relevance([5, 2, 9], [0, 6]), Protocol(depth=2, recall_k=2))
    assert cut.average_precision[0] == pytest.approx(1 / 2)  # one hit at place 1, of min(3, 2)
    assert cut.figures().keys() == {"map_at_2", "recall_at_2"}
    assert evaluate_rankings([np.array([], dtype=int)], relevance([1], []), Protocol()).figures()["map"] == 0


def test_figures_of_some_queries() -> None:
    both = Relevance((np.array([1]), np.array([2])), (np.array([], int),) * 2)
    metrics = evaluate_rankings([np.array([1]), np.array([0, 2])], both, Protocol())
    assert [metrics.figures(np.array(chosen))["map"] for chosen in ([True, False], [False, True])] == [1, 0.25]


def test_interval_of_a_mean() -> None:
    values = np.random.default_rng(1).random(400)
    interval = mean_interval(values)
    error = values.std() / np.sqrt(len(values))
    assert interval.low == pytest.approx(values.mean() - 1.96 * error, abs=error / 4)
    assert interval.high == pytest.approx(values.mean() + 1.96 * error, abs=error / 4)
    assert mean_interval(values) == interval
    same = mean_interval(np.full(5, 0.5))
    assert (same.low, same.high) == (0.5, 0.5)
