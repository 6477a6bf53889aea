"""The official metrics on every case of golden/isc/matching."""

import json
from pathlib import Path
from typing import Any

import pytest

from imgfp.errors import InputError
from imgfp.metrics import evaluate
from imgfp.records import GroundTruth, Pairs

TOLERANCE = 1e-12


def close(got: float | None, wanted: float | None) -> bool:
    if got is None or wanted is None or got == wanted:  # == for infinities
        return got is wanted or got == wanted
    return abs(got - wanted) <= TOLERANCE * max(1.0, abs(wanted))


def expected_figures(official: dict[str, Any], isc2021: dict[str, Any]) -> dict[str, float | None]:
    """`official` for what both evaluate (it drops queries outside the truth); `isc2021` where only it answers."""
    if "error" in official:  # an empty file
        base = {"uap": isc2021["average_precision"], "recall_at_p90": 0.0, "threshold_at_p90": None}
    else:
        base = {
            "uap": official["average_precision"],
            "recall_at_p90": official["recall_p90"],
            "threshold_at_p90": official["threshold_p90"],
        }
    return base | {"recall_at_1": isc2021["recall_at_1"], "recall_at_10": isc2021["recall_at_10"]}


@pytest.fixture(scope="module")
def folder(golden: Path) -> Path:
    return golden / "isc/matching"


@pytest.fixture(scope="module")
def cases(folder: Path) -> list[dict[str, Any]]:
    """Each with what the original gave for it, under "expected"."""
    expected = json.loads((folder / "expected.json").read_text())
    found = [case | {"expected": expected[case["name"]]} for case in json.loads((folder / "index.json").read_text())]
    assert found
    return found


def test_figures_of_every_case(cases: list[dict[str, Any]], folder: Path) -> None:
    for case in cases:
        name, expected, predictions = case["name"], case["expected"], folder / case["preds"]
        truth = GroundTruth.read_csv(folder / "gt" / case["gt"])
        if not len(truth.query_ids):
            with pytest.raises(InputError, match="no true pair, so uAP is undefined"):
                evaluate(Pairs.read_csv(predictions), truth)
        elif "error" in expected["isc2021"]:
            with pytest.raises(InputError, match=r"row \d+: the pair .* repeats row \d+: keep only one"):
                Pairs.read_csv(predictions)
        else:
            metrics = evaluate(Pairs.read_csv(predictions), truth)
            for figure, wanted in expected_figures(expected["official"], expected["isc2021"]).items():
                assert close(getattr(metrics, figure), wanted), (name, figure, getattr(metrics, figure), wanted)


def test_counts_are_the_files(cases: list[dict[str, Any]], folder: Path) -> None:
    for case in cases:
        truth_lines = (folder / "gt" / case["gt"]).read_text().split()[1:]
        truth = GroundTruth.read_csv(folder / "gt" / case["gt"])
        assert len(truth.queries) == len({line.split(",")[0] for line in truth_lines}), case["name"]
        assert len(truth.query_ids) == sum(not line.endswith(",") for line in truth_lines), case["name"]
        if case["expected"]["isc2021"].get("error") != "ValueError":  # repeated pairs
            assert len(Pairs.read_csv(folder / case["preds"])) == case["rows"], case["name"]
