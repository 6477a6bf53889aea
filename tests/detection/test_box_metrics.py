"""Precision and recall of boxes, against numbers worked out by hand."""

import pytest

from imgfp.detection import Box, Detection, evaluate_boxes

A, B = Box(0, 0, 10, 10), Box(50, 50, 70, 70)


def test_precision_and_recall_by_confidence() -> None:
    found = [
        [Detection(A, 0.9), Detection(Box(0, 0, 10, 9), 0.8)],
        [Detection(Box(0, 0, 5, 5), 0.7)],
        [Detection(B, 0.6)],
    ]
    judged = evaluate_boxes(found, [[A], [], [B]])
    assert judged.recall.tolist() == [0.5, 0.5, 0.5, 1.0]
    assert judged.precision == pytest.approx([1, 1 / 2, 1 / 3, 2 / 4])
    assert judged.average_precision == pytest.approx(0.5 * 1 + 0.5 * 0.5)


def test_equal_confidences_are_one_threshold() -> None:
    judged = evaluate_boxes([[Detection(B, 0.5), Detection(A, 0.5)]], [[A]])
    assert (judged.recall.tolist(), judged.precision.tolist()) == ([1.0], [0.5])


def test_an_overlap_at_the_limit_counts_and_nothing_found_is_0() -> None:
    half = Detection(Box(0, 0, 10, 5), 0.5)
    assert evaluate_boxes([[half]], [[A]]).average_precision == 1
    assert evaluate_boxes([[Detection(Box(0, 0, 10, 4.99), 0.5)]], [[A]]).average_precision == 0
    assert evaluate_boxes([[]], [[A]]).average_precision == 0
    assert evaluate_boxes([[half]], [[]]).average_precision == 0
