"""Precision and recall of boxes, against numbers worked out by hand."""

import pytest

from imgfp.detection import Box, Found, judge_boxes

A, B = Box(0, 0, 10, 10), Box(50, 50, 70, 70)


def test_precision_and_recall_by_confidence() -> None:
    found = [[Found(A, 0.9), Found(Box(0, 0, 10, 9), 0.8)], [Found(Box(0, 0, 5, 5), 0.7)], [Found(B, 0.6)]]
    judged = judge_boxes(found, [[A], [], [B]])
    assert judged.recall.tolist() == [0.5, 0.5, 0.5, 1.0]
    assert judged.precision == pytest.approx([1, 1 / 2, 1 / 3, 2 / 4])
    assert judged.average_precision == pytest.approx(0.5 * 1 + 0.5 * 0.5)


def test_equal_confidences_are_one_threshold() -> None:
    judged = judge_boxes([[Found(B, 0.5), Found(A, 0.5)]], [[A]])
    assert (judged.recall.tolist(), judged.precision.tolist()) == ([1.0], [0.5])


def test_an_overlap_at_the_limit_counts_and_nothing_found_is_0() -> None:
    half = Found(Box(0, 0, 10, 5), 0.5)
    assert judge_boxes([[half]], [[A]]).average_precision == 1
    assert judge_boxes([[half]], [[A]], 0.51).average_precision == 0
    assert judge_boxes([[]], [[A]]).average_precision == 0
    assert judge_boxes([[half]], [[]]).average_precision == 0
