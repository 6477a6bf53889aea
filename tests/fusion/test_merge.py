"""Fusion: every expected value is computed by hand."""

from pathlib import Path

import pytest

from imgfp.fusion import best_answers, sum_scores, union_pairs, verified, write_merged_text
from imgfp.records import Pairs

Row = tuple[str, str, float]
NONE = Pairs.of([])


def rows(pairs: Pairs) -> list[Row]:
    return list(zip(pairs.query_ids.tolist(), pairs.reference_ids.tolist(), pairs.scores.tolist(), strict=True))


def test_union_pairs_gives_each_pair_once_sorted() -> None:
    local = Pairs.of([("q2", "r1", 9), ("q1", "r2", 5)])
    similar = Pairs.of([("q1", "r2", 0.5), ("q1", "r10", 0.25)])
    assert union_pairs([local, similar]) == [("q1", "r10"), ("q1", "r2"), ("q2", "r1")]
    assert union_pairs([NONE, local]) == [("q1", "r2"), ("q2", "r1")]
    assert union_pairs([]) == []


def test_sum_scores_adds_and_keeps_the_order_of_first_appearance() -> None:
    first = Pairs.of([("q2", "r1", 10), ("q1", "r1", 0)])
    second = Pairs.of([("q1", "r1", 7), ("q1", "r2", 1), ("q2", "r1", 5)])
    third = Pairs.of([("q1", "r2", 2), ("q1", "r1", 3)])
    assert rows(sum_scores([first, second, third])) == [("q2", "r1", 15), ("q1", "r1", 10), ("q1", "r2", 3)]
    assert rows(sum_scores([third, first])) == [("q1", "r2", 2), ("q1", "r1", 3), ("q2", "r1", 10)]


def test_ids_that_run_into_each_other_are_different_pairs() -> None:
    assert rows(sum_scores([Pairs.of([("a", "bc", 1)]), Pairs.of([("ab", "c", 2)])])) == [
        ("a", "bc", 1),
        ("ab", "c", 2),
    ]


def test_sum_of_nothing_is_nothing() -> None:
    assert rows(sum_scores([NONE, NONE])) == []


def test_best_answers_keeps_the_highest_of_each_query_best_first() -> None:
    pairs = Pairs.of([("q1", "r1", 1), ("q2", "r1", 9), ("q1", "r2", 4), ("q1", "r3", 3), ("q2", "r2", 2)])
    assert rows(best_answers(pairs, 1)) == [("q2", "r1", 9), ("q1", "r2", 4)]
    assert rows(best_answers(pairs, 2)) == [("q2", "r1", 9), ("q1", "r2", 4), ("q1", "r3", 3), ("q2", "r2", 2)]
    assert len(best_answers(pairs, 9)) == 5
    assert rows(best_answers(NONE, 1)) == []


def test_best_answers_breaks_ties_by_reference_id() -> None:
    assert rows(best_answers(Pairs.of([("q", "r2", 5), ("q", "r1", 5)]), 1)) == [("q", "r1", 5)]


def test_verified_pairs_rank_above_similar_ones() -> None:
    rated = Pairs.of([("q1", "r1", 3.75), ("q1", "r2", 0), ("q2", "r2", 0), ("q3", "r3", 12.5)])
    similar = Pairs.of([("q1", "r2", 1.0), ("q2", "r2", 0.5), ("q2", "r1", 0.4)])
    # q1,r2 and q2,r2 have no match: they keep (similarity + 2) / 4
    assert rows(verified(rated, similar, 1)) == [("q3", "r3", 12.5), ("q1", "r1", 3.75), ("q2", "r2", 0.625)]
    assert rows(verified(rated, similar, 2)) == [
        ("q3", "r3", 12.5), ("q1", "r1", 3.75), ("q1", "r2", 0.75), ("q2", "r2", 0.625), ("q2", "r1", 0.6),
    ]  # fmt: skip


def test_a_verified_pair_has_its_match_score_whatever_its_similarity() -> None:
    assert rows(verified(Pairs.of([("q", "r", 3.5)]), Pairs.of([("q", "r", 2.0)]), 1)) == [("q", "r", 3.5)]


@pytest.mark.parametrize(("similarity", "score"), [(-2.0, 0.0), (0.0, 0.5), (2.0, 1.0)])
def test_similarities_are_mapped_below_every_verified_score(similarity: float, score: float) -> None:
    assert rows(verified(NONE, Pairs.of([("q", "r", similarity)]), 1)) == [("q", "r", score)]


def test_without_support_and_without_similarity_a_pair_is_no_answer() -> None:
    assert rows(verified(Pairs.of([("q", "r", 0)]), NONE, 1)) == []


def test_merged_text_has_tabs_whole_numbers_and_no_header(tmp_path: Path) -> None:
    write_merged_text(tmp_path / "final.txt", Pairs.of([("Q2", "R1", 145.0), ("Q1", "R3", 0.0)]))
    assert (tmp_path / "final.txt").read_bytes() == b"Q2\tR1\t145\nQ1\tR3\t0\n"
