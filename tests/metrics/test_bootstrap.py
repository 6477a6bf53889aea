"""The paired bootstrap: against a version that literally copies the drawn queries, and its plain properties."""

import numpy as np
import oracle
import pytest

from imgfp.metrics import bootstrap, compare, evaluate
from imgfp.records import GroundTruth, Pairs

NAMES = ("uap", "recall_at_p90", "recall_at_1", "recall_at_10")


def made_result(
    seed: int, quality: float, queries: int = 12
) -> tuple[list[tuple[str, str, float]], list[tuple[str, str]]]:
    """Every third query is a distractor, Q00 has two references; the higher `quality`, the higher true pairs score."""
    rng = np.random.default_rng(seed)
    truth = [(f"Q{n:02d}", "" if n % 3 == 2 else f"R{n:02d}") for n in range(queries)] + [("Q00", "R_second")]
    rows = []
    for query, reference in truth:
        rows += [(query, f"W{n}{reference}", float(rng.integers(0, 5))) for n in range(3)]
        if reference:
            rows.append((query, reference, float(rng.integers(0, 5)) + quality))
    return rows, truth


@pytest.mark.parametrize("seed", [0, 1])
def test_equals_literal_copies_of_queries(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(bootstrap, "RESAMPLES", 60)
    (first, truth), (second, _) = made_result(seed, 2.0), made_result(seed + 10, 0.5)
    names = sorted({query for query, _ in truth})
    generator = np.random.default_rng(seed)
    rounds = []
    for _ in range(60):
        drawn = [names[index] for index in generator.integers(0, len(names), len(names))]
        copied_truth = [(f"{n}:{query}", r) for n, query in enumerate(drawn) for q, r in truth if q == query]
        figures = []
        for rows in (first, second):
            copied = [(f"{n}:{query}", r, score) for n, query in enumerate(drawn) for q, r, score in rows if q == query]
            figures.append(oracle.evaluate(copied, copied_truth))
        rounds.append([figures[0][name] - figures[1][name] for name in NAMES])
    low, high = np.percentile(rounds, [2.5, 97.5], axis=0)
    _, differences = compare(Pairs.of(first), Pairs.of(second), GroundTruth.of(truth), seed=seed)
    assert [differences[name].low for name in NAMES] == pytest.approx(low.tolist(), abs=1e-12)
    assert [differences[name].high for name in NAMES] == pytest.approx(high.tolist(), abs=1e-12)


def test_identical_results_do_not_differ() -> None:
    rows, truth = made_result(3, 1.0)
    _, differences = compare(Pairs.of(rows), Pairs.of(rows[::-1]), GroundTruth.of(truth))
    assert {(d.difference, d.low, d.high) for d in differences.values()} == {(0.0, 0.0, 0.0)}


def test_the_second_result_s_figures_and_plain_differences() -> None:
    (first, truth), (second, _) = made_result(4, 2.0), made_result(5, 0.0)
    answers = [evaluate(Pairs.of(rows), GroundTruth.of(truth)) for rows in (first, second)]
    figures, differences = compare(Pairs.of(first), Pairs.of(second), GroundTruth.of(truth))
    assert figures == answers[1]
    assert set(differences) == set(NAMES)
    for name, difference in differences.items():
        assert difference.difference == getattr(answers[0], name) - getattr(answers[1], name)


def test_a_clear_difference_is_seen_and_turns_round() -> None:
    (good, truth), (bad, _) = made_result(6, 9.0, queries=60), made_result(7, -9.0, queries=60)
    truth_set = GroundTruth.of(truth)
    _, forth = compare(Pairs.of(good), Pairs.of(bad), truth_set)
    _, back = compare(Pairs.of(bad), Pairs.of(good), truth_set)
    assert 0 < forth["uap"].low <= forth["uap"].difference <= forth["uap"].high
    assert back["uap"].difference == -forth["uap"].difference
    assert back["uap"].low == pytest.approx(-forth["uap"].high)


def test_same_seed_same_interval() -> None:
    (first, truth), (second, _) = made_result(8, 1.0), made_result(9, 0.5)
    arguments = Pairs.of(first), Pairs.of(second), GroundTruth.of(truth)
    assert compare(*arguments, seed=1) == compare(*arguments, seed=1)
    assert compare(*arguments, seed=1)[1] != compare(*arguments, seed=2)[1]


def test_rounds_without_a_true_pair_are_left_out() -> None:
    truth = GroundTruth.of([("Q1", "R1"), *((f"D{n}", "") for n in range(5))])  # many draws miss Q1
    _, differences = compare(Pairs.of([("Q1", "R1", 1.0)]), Pairs.of([]), truth)
    assert (differences["uap"].low, differences["uap"].high) == (1.0, 1.0)
