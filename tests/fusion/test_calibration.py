"""From evidence to probabilities and labels: expected values by hand, with a synthetic calibration."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgfp.errors import InputError
from imgfp.fusion import (
    EDITED,
    EXACT,
    NONE,
    SIMILAR,
    Calibration,
    best_evidence,
    calibrated,
    features,
    label,
    read_calibration,
)
from imgfp.fusion.calibration import FEATURES, distinct
from imgfp.records import Evidence, Pairs

# log odds = log(1 + inliers) - 1
PLAIN = Calibration(
    mean=(0.0,) * len(FEATURES),
    deviation=(1.0,) * len(FEATURES),
    coefficients=(1.0, *(0.0,) * (len(FEATURES) - 1)),
    intercept=-1.0,
    copy=0.75,
    copy_precision=0.95,
    similar=0.5,
    similar_loss=0.01,
    exact_bits=4,
    fitted_on="nothing",
)


def pair(query: str, reference: str, inliers: int, **more: object) -> Evidence:
    return Evidence(query, reference, float(inliers), inliers, 20, **more)  # type: ignore[arg-type]


def rows(pairs: Pairs) -> list[tuple[str, str, float]]:
    return list(zip(pairs.query_ids.tolist(), pairs.reference_ids.tolist(), pairs.scores.tolist(), strict=True))


def test_features_by_hand() -> None:
    found = features(
        [
            pair("q", "r", 9, query_area=0.49, reference_area=0.99, scale=0.5, anisotropy=2.0, mirrored=True),
            pair("q", "s", 4, inverted=True),
            pair("other", "r", 0),
        ]
    )
    log = math.log
    assert FEATURES[1] == "inlier_share"
    assert found[0] == pytest.approx([log(10), 9 / 20, log(0.5), 0, log(2), log(2), 1], abs=1e-12)
    assert found[1] == pytest.approx([log(5), 4 / 20, log(0.01), log(0.01), 0, 0, 1])
    assert found[2] == pytest.approx([0, 0, log(0.01), log(0.01), 0, 0, 0])


def test_features_of_a_pair_are_independent_of_others() -> None:
    alone, copies = features([pair("q", "a", 7)]), features([pair("q", "a", 7), pair("q", "b", 99), pair("q", "c", 7)])
    assert copies[0].tolist() == copies[2].tolist() == alone[0].tolist()


def test_no_matches_and_no_pairs_are_finite() -> None:
    assert features([]).shape == (0, len(FEATURES))
    assert np.isfinite(features([Evidence("q", "r", 0.0, 0, 0)])).all()
    assert PLAIN.log_odds(features([])).shape == (0,)


def test_log_odds_by_hand() -> None:
    other = replace(PLAIN, mean=(1.0,) * 7, deviation=(2.0,) * 7, coefficients=tuple(range(7)), intercept=0.5)
    assert other.log_odds(np.array([[3.0] * 7, [1.0] * 7])) == pytest.approx([21.5, 0.5])


@given(st.lists(st.one_of(st.floats(-800, 800), st.sampled_from([0.0, 1e300, -1e300, 40.0, 800.0])), max_size=40))
def test_probabilities_fall_strictly_within_0_and_1(odds: list[float]) -> None:
    falling = np.sort(np.array(odds, dtype=np.float64))[::-1]
    values = distinct(falling)
    assert ((values > 0) & (values < 1)).all()
    assert (np.diff(values) < 0).all()
    assert values == pytest.approx(1 / (1 + np.exp(-np.clip(falling, -700, 700))), abs=1e-12)


def test_different_log_odds_keep_their_sigmoid() -> None:
    assert distinct(np.array([2.0, 0.0, -3.0])).tolist() == (1 / (1 + np.exp(-np.array([2.0, 0.0, -3.0])))).tolist()


def test_calibrated_keeps_the_best_of_each_query_and_orders_all() -> None:
    evidence = [pair("q", "r", 3), pair("q", "s", 8), pair("p", "r", 1), pair("o", "t", 8)]
    found = rows(calibrated(best_evidence(evidence, PLAIN), None, 1))
    assert [row[:2] for row in found] == [("o", "t"), ("q", "s"), ("p", "r")]
    odds = 9 / math.e  # (1 + inliers) / e
    assert found[0][2] == pytest.approx(odds / (1 + odds))
    assert found[1][2] == np.nextafter(found[0][2], 0), "equal pairs differ in the last bit"
    assert len(calibrated(best_evidence(evidence, PLAIN), None, 2)) == 4


def test_a_pair_without_geometry_answers_only_where_the_global_branch_proposed_it() -> None:
    evidence = [pair("q", "r", 0), pair("q", "s", 0), pair("p", "r", 0), pair("o", "r", 0)]
    alike = Pairs.of([("q", "r", 0.5), ("q", "s", 0.75), ("p", "r", 1.5)])
    found = rows(calibrated(best_evidence(evidence, PLAIN), alike, 2))
    assert [row[:2] for row in found] == [("p", "r"), ("q", "s"), ("q", "r")]
    log_odds = [math.log(score / (1 - score)) for *_, score in found]
    assert log_odds == pytest.approx([-1, -1.25, -1.5]), "the intercept, less what similarity lacks to 1"
    assert rows(calibrated(best_evidence(evidence, PLAIN), None, 2)) == []
    assert rows(calibrated({}, alike, 1)) == []


@pytest.mark.parametrize(
    ("probability", "bits", "named"),
    [
        (0.75, 4, EXACT),
        (0.99, 0, EXACT),
        (0.75, 5, EDITED),
        (0.99, None, EDITED),
        (0.7499, 0, SIMILAR),
        (0.5, None, SIMILAR),
        (0.4999, 0, NONE),
    ],
)
def test_labels(probability: float, bits: int | None, named: str) -> None:
    assert label(probability, bits, PLAIN) == named


def test_what_is_written_is_read_and_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "calibration.json"
    for written in (PLAIN, replace(PLAIN, copy=0.875)):
        written.write(file)
        assert read_calibration(str(file)) == written


def test_the_shipped_calibration_is_sound() -> None:
    shipped = read_calibration()
    assert 0 < shipped.similar <= shipped.copy <= 1
    many, few = shipped.log_odds(
        features(
            [
                pair("q", "r", 19, query_area=0.9, reference_area=0.9),
                pair("p", "r", 3, query_area=0.01, reference_area=0.01, anisotropy=3.0),
            ]
        )
    )
    assert many > few


def changed(**values: object) -> str:
    plain = {"schema": 1, "features": list(FEATURES), **vars(PLAIN)}
    return json.dumps({key: value for key, value in (plain | values).items() if value != "left out"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "damaged or not a calibration file: fit it again with train/ranking.py"),
        ("{" + "x" * 40, "damaged or not a calibration file"),
        ("[]", "damaged or not a calibration file"),
        ("{}", "damaged or not a calibration file"),
        (changed(schema=2), "calibration of an unsupported version: fit it again with train/ranking.py"),
        (changed(features=["log_inliers"]), "calibration of an unsupported version"),
        (changed(mean=[0.0] * 6), "damaged"),
        (changed(mean=[math.nan] * 7), "damaged"),
        (changed(deviation=[0.0] * 7), "damaged"),
        (changed(coefficients="left out"), "damaged"),
        (changed(intercept="left out"), "damaged"),
        (changed(intercept=None), "damaged"),
        (changed(copy="high"), "damaged"),
        (changed(more=1), "damaged"),
    ],
)
def test_one_line_error_for_a_bad_file(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "calibration.json"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        read_calibration(str(file))
    assert str(caught.value).startswith(f"{file}: {said}")
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.json: no such file: fit it with train/ranking\.py$"):
        read_calibration(str(tmp_path / "gone.json"))
    with pytest.raises(InputError, match=r"give a file written by train/ranking\.py"):
        read_calibration(str(tmp_path))
