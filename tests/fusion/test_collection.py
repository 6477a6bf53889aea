"""Pairs of one collection: read both ways, each by itself."""

from dataclasses import replace

import numpy as np
import pytest

from imgfp.fusion import Calibration, paired
from imgfp.fusion.calibration import FEATURES
from imgfp.records import Evidence

PAIR = Evidence("a", "b", 50.5, 50, 80, query_area=0.9, reference_area=0.2, scale=2.0, anisotropy=1.2)


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


def test_the_answer_is_independent_of_which_image_comes_first() -> None:
    turned = replace(PAIR, query_id="b", reference_id="a", query_area=0.2, reference_area=0.9, scale=0.5)
    calibration = weighing(log_query_area=1.0, log_reference_area=-0.5, abs_log_scale=0.1)
    one, other = (paired([item], calibration).scores for item in (PAIR, turned))
    assert one == pytest.approx(other)
    surest = np.log(0.91) - 0.5 * np.log(0.21) + 0.1 * np.log(2)
    assert one == pytest.approx(1 / (1 + np.exp(-surest)))


def test_three_equal_images_are_still_copies() -> None:
    calibration = weighing(log_inliers=1.0)
    alone = paired([PAIR], calibration).scores
    three = [replace(PAIR, query_id=one, reference_id=other) for one, other in (("a", "b"), ("a", "c"), ("b", "c"))]
    assert paired(three, calibration).scores == pytest.approx([*alone] * 3)


def test_pairs_are_sorted_by_confidence_without_ties_or_unsupported_ones() -> None:
    calibration = weighing(log_inliers=1.0)
    items = [
        replace(PAIR, reference_id=name, inliers=count) for name, count in (("b", 9), ("c", 20), ("d", 9), ("e", 0))
    ]
    found = paired(items, calibration)
    assert found.id_pairs() == [("a", "c"), ("a", "b"), ("a", "d")]
    assert (np.diff(found.scores) < 0).all()
    assert len(paired([], calibration)) == 0
