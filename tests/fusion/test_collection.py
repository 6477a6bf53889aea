"""Pairs of one collection: read both ways, and no copy is another's rival."""

from dataclasses import replace

import numpy as np
import pytest

from imgfp.fusion import Calibration, paired
from imgfp.fusion.calibration import FEATURES
from imgfp.fusion.collection import ACCIDENT, collection_rivals
from imgfp.records import Evidence

PAIR = Evidence("a", "b", 50.5, 50, 80, query_area=0.9, reference_area=0.2, scale=2.0, squeeze=1.2)


def weighing(**coefficients: float) -> Calibration:
    return Calibration(
        mean=(0.0,) * len(FEATURES),
        deviation=(1.0,) * len(FEATURES),
        coefficients=tuple(coefficients.get(name, 0.0) for name in FEATURES),
        intercept=0.0,
        copy=0.5,
        copy_precision=0.9,
        similar=0.1,
        similar_loss=0.01,
        exact_bits=6,
        fitted_on="nothing",
    )


def test_the_answer_does_not_hang_on_which_picture_comes_first() -> None:
    turned = replace(PAIR, query_id="b", reference_id="a", query_area=0.2, reference_area=0.9, scale=0.5)
    calibration = weighing(log_query_area=1.0, log_reference_area=-0.5, abs_log_scale=0.1)
    one, other = (paired([item], calibration).scores for item in (PAIR, turned))
    assert one == pytest.approx(other)
    surest = np.log(0.91) - 0.5 * np.log(0.21) + 0.1 * np.log(2)
    assert one == pytest.approx(1 / (1 + np.exp(-surest)))


def compared(*counts: tuple[str, str, int]) -> list[Evidence]:
    return [replace(PAIR, query_id=one, reference_id=other, inliers=count) for one, other, count in counts]


def test_one_more_copy_is_no_rival() -> None:
    original_saved_again_and_edited = compared(("a", "b", 500), ("a", "c", 60), ("b", "c", 40))
    assert collection_rivals(original_saved_again_and_edited).tolist() == [ACCIDENT] * 3


@pytest.mark.parametrize("order", [("a", "b", "c"), ("c", "a", "b"), ("b", "c", "a")])
def test_a_third_picture_that_only_one_side_knows_is_a_rival(order) -> None:
    for weak in (0, 7, 9):  # unrelated; hardly; less than half of what the pair has
        a, b, c = order
        found = collection_rivals(compared((a, b, 20), (c, a, 50), (b, c, weak))[: 3 if weak else 2])
        assert found.tolist()[:2] == [50, 20]


def test_a_pair_alone_is_measured_against_an_accident() -> None:
    calibration = weighing(log_inliers_over_rival=1.0)
    assert paired(compared(("a", "b", int(ACCIDENT))), calibration).scores == pytest.approx(0.5)
    many = paired(compared(("a", "b", 49), ("a", "c", 49), ("b", "c", 49)), calibration)
    assert many.scores == pytest.approx([10 / 11] * 3), "(1 + 49) / (1 + 4) to 1"


def test_pairs_come_surest_first_without_ties_and_without_those_that_agree_on_nothing() -> None:
    calibration = weighing(log_inliers=1.0)
    items = [
        replace(PAIR, reference_id=name, inliers=count) for name, count in (("b", 9), ("c", 20), ("d", 9), ("e", 0))
    ]
    found = paired(items, calibration)
    assert found.id_pairs() == [("a", "c"), ("a", "b"), ("a", "d")]
    assert (np.diff(found.scores) < 0).all()
    assert len(paired([], calibration)) == 0
