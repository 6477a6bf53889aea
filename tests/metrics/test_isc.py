"""Equality with the slow definition on random results full of ties, and figures counted by hand."""

import math
from itertools import pairwise

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgfp.errors import InputError
from imgfp.metrics import evaluate, label_pairs, precision_recall
from imgfp.records import GroundTruth, Pairs

FIGURES = ("uap", "recall_at_p90", "threshold_at_p90", "recall_at_1", "recall_at_10")

few_scores = st.sampled_from([-math.inf, -1.0, -0.0, 0.0, 0.5, 1.0, 2.0, math.inf])
any_scores = st.floats(allow_nan=False)
queries = st.sampled_from([f"Q{n}" for n in range(8)])
references = st.sampled_from([f"R{n}" for n in range(12)])
true_pairs = st.lists(st.tuples(queries, references), min_size=1, max_size=20, unique=True)


@st.composite
def results(draw, scores=few_scores):
    """A ground truth with 0 to several references a query, and predictions that hit some, for queries in and outside it."""
    truth = [*draw(true_pairs), ("distractor", ""), ("another", "")]
    asked = st.one_of(queries, st.sampled_from(["distractor", "outside", "zz"]))
    pairs = draw(st.lists(st.tuples(asked, references), max_size=60, unique=True))
    rows = [(query, reference, draw(scores)) for query, reference in pairs]
    return rows, truth


def check(rows, truth):
    metrics = evaluate(Pairs.of(rows), GroundTruth.of(truth))
    slow = oracle.evaluate(rows, truth)
    assert metrics.uap == pytest.approx(slow["uap"], abs=1e-12)
    for name in FIGURES[1:]:
        assert getattr(metrics, name) == slow[name], name
    return metrics


@given(results())
def test_equals_the_oracle_with_many_ties(result):
    check(*result)


@given(results(scores=any_scores))
def test_equals_the_oracle_with_any_scores(result):
    check(*result)


@given(results(), st.randoms(use_true_random=False))
def test_row_order_does_not_matter(result, random):
    rows, truth = result
    before = evaluate(Pairs.of(rows), GroundTruth.of(truth))
    shuffled, other_truth = list(rows), list(truth)
    random.shuffle(shuffled)
    random.shuffle(other_truth)
    assert evaluate(Pairs.of(shuffled), GroundTruth.of(other_truth)) == before


@given(
    results(scores=any_scores),
    st.sampled_from([lambda rank: rank, lambda rank: rank**3 - 5.0, lambda rank: math.exp(rank / 9)]),
)
def test_only_the_order_of_scores_counts(result, rise):
    rows, truth = result
    rank = {score: number for number, score in enumerate(sorted({score for _, _, score in rows}))}
    changed = [(query, reference, float(rise(rank[score]))) for query, reference, score in rows]
    before, after = (evaluate(Pairs.of(each), GroundTruth.of(truth)).figures() for each in (rows, changed))
    threshold, new_threshold = before.pop("threshold_at_p90"), after.pop("threshold_at_p90")
    assert before == after
    assert new_threshold == (None if threshold is None else rise(rank[threshold]))


@given(results(scores=st.sampled_from([0.0, 1.0, 2.0])))
def test_a_wrong_pair_of_lowest_score_changes_nothing(result):
    rows, truth = result[0], GroundTruth.of([*result[1], ("Q0", "")])
    before = evaluate(Pairs.of(rows), truth)
    last = evaluate(Pairs.of([*rows, ("Q0", "a wrong one", -1.0)]), truth)
    assert last.figures() == before.figures()
    tied = evaluate(Pairs.of([*rows, ("Q0", "a wrong one", 0.0)]), truth)
    assert tied.uap <= before.uap


@given(results())
def test_figures_are_between_0_and_1_and_recall_rises_with_rank(result):
    rows, truth = result
    metrics = evaluate(Pairs.of(rows), GroundTruth.of(truth))
    assert 0 <= metrics.recall_at_1 <= metrics.recall_at_10 <= 1
    assert 0 <= metrics.uap <= 1
    assert 0 <= metrics.recall_at_p90 <= 1
    assert (metrics.threshold_at_p90 is None) == (metrics.recall_at_p90 == 0.0)


@given(results())
def test_curve_rises_in_recall_and_falls_in_score(result):
    rows, truth = result
    curve = precision_recall(label_pairs(Pairs.of(rows), GroundTruth.of(truth)))
    assert all(a < b for a, b in pairwise(curve.recall.tolist()))
    assert all(a >= b for a, b in pairwise(curve.scores.tolist()))
    assert ((curve.precision > 0) & (curve.precision <= 1)).all()


def of(text: str) -> tuple[Pairs, GroundTruth]:
    """ "Q R score" a line; every query asks for the reference of its own number, and Q9 is a distractor."""
    rows = [(line.split()[0], line.split()[1], float(line.split()[2])) for line in text.strip().splitlines()]
    return Pairs.of(rows), GroundTruth.of([("Q1", "R1"), ("Q2", "R2"), ("Q9", "")])


def test_by_hand():
    # ranking: right (1/1), wrong, right (2/3); two true pairs
    metrics = evaluate(*of("Q1 R1 3\nQ9 R1 2\nQ2 R2 1"))
    assert metrics.uap == pytest.approx((1 + 2 / 3) / 2)
    assert metrics.recall_at_p90 == 0.5
    assert metrics.threshold_at_p90 == 3.0
    assert metrics.recall_at_1 == 1.0
    assert (metrics.predictions, metrics.queries, metrics.pairs) == (3, 3, 2)


def test_ties_count_against_you():
    # all equal: two wrong first, then right at places 3 and 4; Q1's pair stands at place 2 of its query
    metrics = evaluate(*of("Q1 R1 1\nQ1 R2 1\nQ9 R1 1\nQ2 R2 1"))
    assert metrics.uap == pytest.approx((1 / 3 + 2 / 4) / 2)
    assert metrics.recall_at_1 == 0.5
    assert metrics.recall_at_10 == 1.0
    assert metrics.threshold_at_p90 is None


def test_plus_and_minus_zero_are_equal():
    assert evaluate(*of("Q1 R1 0.0\nQ9 R1 -0.0")).uap == pytest.approx(1 / 2 / 2)


def test_a_query_outside_the_truth_is_dropped():
    metrics = evaluate(*of("Q7 R1 9\nQ1 R1 1"))
    assert metrics.uap == 0.5
    assert metrics.predictions == 1


def test_two_references_of_one_query_cannot_both_be_first():
    truth = GroundTruth.of([("Q1", "R1"), ("Q1", "R2")])
    metrics = evaluate(Pairs.of([("Q1", "R1", 2.0), ("Q1", "R2", 1.0)]), truth)
    assert (metrics.uap, metrics.recall_at_1, metrics.recall_at_10) == (1.0, 0.5, 1.0)


def test_eleventh_place_is_not_among_ten():
    wrong = [("Q1", f"W{n}", 9.0) for n in range(10)]
    assert evaluate(Pairs.of([*wrong, ("Q1", "R1", 1.0)]), GroundTruth.of([("Q1", "R1")])).recall_at_10 == 0.0
    assert evaluate(Pairs.of([*wrong[1:], ("Q1", "R1", 1.0)]), GroundTruth.of([("Q1", "R1")])).recall_at_10 == 1.0


def test_no_prediction_scores_zero():
    metrics = evaluate(Pairs.of([]), GroundTruth.of([("Q1", "R1")]))
    assert metrics.as_dict() == {
        "uap": 0.0,
        "recall_at_p90": 0.0,
        "threshold_at_p90": None,
        "recall_at_1": 0.0,
        "recall_at_10": 0.0,
        "predictions": 0,
        "queries": 1,
        "pairs": 1,
    }


def test_no_true_pair_is_refused():
    with pytest.raises(InputError, match=r"the ground truth has no true pair, .*give a set with true pairs"):
        evaluate(Pairs.of([("Q1", "R1", 1.0)]), GroundTruth.of([("Q1", "")]))


def test_a_reference_id_that_sorts_last_is_no_hit():
    truth = GroundTruth.of([("Q1", "R1"), ("Q2", "R2")])
    assert evaluate(Pairs.of([("Q1", "zzz", 1.0), ("Q2", "R2\u00e9", 1.0)]), truth).uap == 0.0
    assert not label_pairs(Pairs.of([("Q1", "zzz", 1.0)]), truth).correct.any()


def test_labelled_rows_point_into_the_predictions():
    pairs = Pairs.of([("outside", "R1", 5.0), ("Q2", "R2", 4.0), ("Q1", "R2", 3.0)])
    judged = label_pairs(pairs, GroundTruth.of([("Q1", "R1"), ("Q2", "R2")]))
    np.testing.assert_array_equal(judged.rows, [1, 2])
    np.testing.assert_array_equal(judged.correct, [True, False])
    np.testing.assert_array_equal(judged.query_codes, [1, 0])
