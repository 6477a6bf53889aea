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
    """`official` for what both judge (it drops queries outside the truth); `isc2021` where only it answers."""
    if "error" in official:  # an empty file
        base = {"uap": isc2021["average_precision"], "recall_at_p90": 0.0, "threshold_at_p90": None}
    else:
        base = {
            "uap": official["average_precision"],
            "recall_at_p90": official["recall_p90"],
            "threshold_at_p90": official["threshold_p90"],
        }
    return base | {"recall_at_1": isc2021["recall_at_1"], "recall_at_10": isc2021["recall_at_10"]}


def test_case(matching_case: dict[str, Any], golden: Path) -> None:
    folder = golden / "isc/matching"
    expected = json.loads((folder / "expected.json").read_text())[matching_case["name"]]
    truth = GroundTruth.read_csv(folder / "gt" / matching_case["gt"])
    if not len(truth.query_ids):
        with pytest.raises(InputError, match="no true pair: uAP is undefined"):
            evaluate(Pairs.read_csv(folder / matching_case["preds"]), truth)
        return
    if "error" in expected["isc2021"]:
        with pytest.raises(InputError, match=r"row \d+: the pair .* repeats row \d+: keep only one"):
            Pairs.read_csv(folder / matching_case["preds"])
        return
    metrics = evaluate(Pairs.read_csv(folder / matching_case["preds"]), truth)
    for name, wanted in expected_figures(expected["official"], expected["isc2021"]).items():
        assert close(getattr(metrics, name), wanted), (name, getattr(metrics, name), wanted)


def test_counts_are_the_files(matching_case: dict[str, Any], golden: Path) -> None:
    folder = golden / "isc/matching"
    expected = json.loads((folder / "expected.json").read_text())[matching_case["name"]]
    truth_lines = (folder / "gt" / matching_case["gt"]).read_text().split()[1:]
    truth = GroundTruth.read_csv(folder / "gt" / matching_case["gt"])
    assert len(truth.queries) == len({line.split(",")[0] for line in truth_lines})
    assert len(truth.query_ids) == sum(not line.endswith(",") for line in truth_lines)
    if expected["isc2021"].get("error") != "ValueError":  # repeated pairs
        assert len(Pairs.read_csv(folder / matching_case["preds"])) == matching_case["rows"]
