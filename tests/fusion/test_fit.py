"""Fitting the calibration to candidates with a known answer."""

import numpy as np
import pytest

from imgfp.errors import InputError
from imgfp.fusion import features
from imgfp.fusion.fit import _thresholds, calibration_error, fit_calibration
from imgfp.records import Evidence

pytest.importorskip("sklearn")


def candidates(queries: int) -> tuple[list[Evidence], set[tuple[str, str]]]:
    """Every second query has a copy with many inliers; each has two other candidates with few."""
    rng = np.random.default_rng(0)
    evidence, true = [], set()
    for number in range(queries):
        query = f"q{number:03d}"
        for reference in ("r0", "r1", "r2"):
            copy = number % 2 == 0 and reference == "r1"
            inliers = int(rng.integers(8, 60) if copy else rng.integers(0, 9))
            area = float(rng.uniform(0.2, 1) if copy else rng.uniform(0, 0.3))
            evidence.append(
                Evidence(query, reference, float(inliers), inliers, 60, query_area=area, reference_area=area)
            )
            if copy:
                true.add((query, reference))
    return evidence, true


def test_copies_get_higher_odds_than_others_also_where_not_seen() -> None:
    evidence, true = candidates(60)
    fitted = fit_calibration(evidence, true, 0.95, 0.01, 5, "synthetic candidates")
    copies = np.array([(item.query_id, item.reference_id) in true for item in evidence])
    for odds in (fitted.unseen, fitted.calibration.log_odds(features(evidence))):
        order = np.argsort(-odds)
        assert copies[order[:25]].mean() > 0.95
        assert np.median(odds[copies]) > 0 > np.median(odds[~copies])
    assert 0 < fitted.calibration.similar <= fitted.calibration.copy <= 1
    assert (fitted.calibration.exact_bits, fitted.calibration.fitted_on) == (5, "synthetic candidates")
    again = fit_calibration(evidence, true, 0.95, 0.01, 5, "synthetic candidates")
    assert again.calibration == fitted.calibration
    assert not np.array_equal(fitted.unseen, fitted.calibration.log_odds(features(evidence))), (
        "evaluated on unseen queries"
    )


def test_what_cannot_be_fitted_is_reported() -> None:
    evidence, true = candidates(20)
    with pytest.raises(
        InputError, match=r"^0 of 60 candidates are copies: give a set with both copies and non-copies$"
    ):
        fit_calibration(evidence, set(), 0.95, 0.01, 5, "")
    with pytest.raises(InputError, match=r"^20 queries are too few for cross-validation: use more queries$"):
        fit_calibration(evidence, {min(true)}, 0.95, 0.01, 5, "")


def test_calibration_error_by_hand() -> None:
    evidence = [Evidence(f"q{number}", "r", 0.0, 0, 0) for number in range(4)]
    odds = np.log(np.array([0.9, 0.9, 0.2, 0.2]) / (1 - np.array([0.9, 0.9, 0.2, 0.2])))
    off, score = calibration_error(odds, evidence, {("q0", "r"), ("q2", "r")})
    assert off == pytest.approx((2 * 0.4 + 2 * 0.3) / 4)
    assert score == pytest.approx((0.01 + 0.81 + 0.64 + 0.04) / 4)


def sigmoid(value: float) -> float:
    return 1 / (1 + np.exp(-value))


@pytest.mark.parametrize(
    ("precision", "loss", "copy", "similar"),
    [
        (1.0, 0.0, 4, -1),  # 5 and 4 are copies, 3 is none
        (0.75, 0.0, 2, -1),  # 3 of the first 4
        (0.6, 0.0, 1, -1),
        (0.5, 0.0, 0, -1),  # 4 of all 7, but none below even odds
        (1.0, 0.5, 4, 2),  # half of the four copies 5, 4, 2, -1 may be lost: the lower of the middle two
        (0.75, 1.0, 2, 2),  # never above the threshold of a copy
    ],
)
def test_thresholds_by_hand(precision: float, loss: float, copy: float, similar: float) -> None:
    odds = np.array([-1.0, 5, 3, 4, 1, 2, 0])
    copies = np.array([True, True, False, True, False, True, False])
    assert _thresholds(odds, copies, precision, loss) == pytest.approx((sigmoid(copy), sigmoid(similar)))


def test_a_precision_that_is_never_reached_calls_nothing_a_copy() -> None:
    copy, similar = _thresholds(np.array([3.0, 2.0]), np.array([False, True]), 0.9, 0.0)
    assert (copy, similar) == (1.0, pytest.approx(sigmoid(2)))
    assert _thresholds(np.array([3.0]), np.array([False]), 0.9, 0.0) == (1.0, 1.0)
