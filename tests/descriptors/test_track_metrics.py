"""Descriptors evaluated by the descriptor track's rules: which queries count, and what the global cap does to figures."""

from collections.abc import Callable

import numpy as np
import pytest

from imgfp.descriptors import evaluate_descriptors, rank
from imgfp.descriptors.normalisation_offset import SscdConfig
from imgfp.errors import InputError
from imgfp.records import DescriptorSet, GroundTruth

Made = Callable[..., DescriptorSet]


def on_a_line(prefix: str, *places: float) -> DescriptorSet:
    ids = np.array([f"{prefix}{number}" for number in range(len(places))])
    return DescriptorSet(ids, np.array(places, np.float32)[:, None])


def test_by_hand() -> None:
    """At 1 a query 4 pairs in all: Q0's at squared distances 1, 4, 9 and Q1's at 4; Q2 and Q3 get none."""
    query, reference = on_a_line("Q", 0, 10, 100, 200), on_a_line("R", 1, 2, 3, 12.0, 14)
    truth = GroundTruth.of([("Q0", "R1"), ("Q1", "R3"), ("Q2", ""), ("Q3", "R4")])
    pairs = rank(query, reference, truth, per_query=1)
    assert list(zip(pairs.id_pairs(), pairs.scores.tolist(), strict=True)) == [
        (("Q0", "R0"), -1),
        (("Q0", "R1"), -4),
        (("Q0", "R2"), -9),
        (("Q1", "R3"), -4),
    ]
    figures = evaluate_descriptors(query, reference, truth)
    # all 20 pairs: one false, two true with the same score, thirteen false, the third true one
    assert figures.predictions == 20
    assert figures.uap == pytest.approx((1 / 2 + 2 / 3 + 3 / 16) / 3, abs=1e-12)
    assert figures.recall_at_1 == pytest.approx(2 / 3)
    assert rank(query, reference, truth, per_query=1, cap="query").id_pairs() == [
        ("Q0", "R0"),
        ("Q1", "R3"),
        ("Q2", "R4"),
        ("Q3", "R4"),
    ]


def test_the_global_cap_may_miss_a_query_s_first_answer(made: Made) -> None:
    reference = made(0, 40, "R")
    crowd = np.repeat(reference.matrix.mean(axis=0, keepdims=True), 9, axis=0)  # near everything, right of none
    query = DescriptorSet(np.array([f"Q{n}" for n in range(10)]), np.vstack([crowd, 3 * reference.matrix[:1]]))
    truth = GroundTruth.of([*((f"Q{n}", "") for n in range(9)), ("Q9", "R0000")])
    assert evaluate_descriptors(query, reference, truth).recall_at_1 == 0.0
    assert rank(query, reference, truth, cap="query").id_pairs()[-10] == ("Q9", "R0000")


def test_queries_that_are_not_listed_are_left_out_and_listed_ones_without_descriptor_count_for_the_cap(
    made: Made,
) -> None:
    query, reference = made(0, 6, "Q"), made(1, 50, "R")
    truth = GroundTruth.of([("Q0001", "R0007"), ("Q0002", ""), ("gone", "R0001")])
    pairs = rank(query, reference, truth)
    assert set(pairs.query_ids.tolist()) == {"Q0001", "Q0002"}
    assert len(pairs) == 30
    assert evaluate_descriptors(query, reference, truth).queries == 3


def test_a_background_normalises(made: Made) -> None:
    query, reference, background = made(0, 6, "Q"), made(1, 50, "R"), made(2, 20, "T")
    truth = GroundTruth.of([(name, "R0007") for name in query.ids.tolist()])
    plain, normalised = (evaluate_descriptors(query, reference, truth, each) for each in (None, background))
    assert plain != normalised
    assert normalised == evaluate_descriptors(query, reference, truth, background, SscdConfig())
    assert normalised != evaluate_descriptors(query, reference, truth, background, SscdConfig(weight=-5.0))


def test_bad_input(made: Made) -> None:
    query, reference = made(0, 6, "Q"), made(1, 50, "R")
    truth = GroundTruth.of([("Q0001", "R0007")])
    other = GroundTruth.of([("q1", "R0007")])
    with pytest.raises(
        InputError,
        match=r"none of the 6 queries is among the 1 of the ground truth \(first ids 'Q0000' and 'q1'\): give",
    ):
        rank(query, reference, other)
    with pytest.raises(InputError, match="answers=0: must be >= 1"):
        rank(query, reference, truth, per_query=0)
    with pytest.raises(InputError, match="cap='all': must be one of global, query"):
        rank(query, reference, truth, cap="all")
