"""imgFp's own published Phase-1 result, evaluated by our metrics."""

import json
from pathlib import Path

from imgfp.metrics import evaluate
from imgfp.records import GroundTruth, Pairs


def test_published_results(golden: Path) -> None:
    folder = golden / "isc/imgfp_real"
    expected = json.loads((folder / "expected.json").read_text())
    cases = json.loads((folder / "index.json").read_text())
    assert cases
    for case in cases:
        official, isc2021 = (expected[case["name"]][judge] for judge in ("official", "isc2021"))
        metrics = evaluate(Pairs.read_csv(folder / case["preds"]), GroundTruth.read_csv(folder / case["gt"]))
        assert abs(metrics.uap - official["average_precision"]) <= 1e-12, case["name"]
        assert abs(metrics.recall_at_p90 - official["recall_p90"]) <= 1e-12, case["name"]
        assert metrics.threshold_at_p90 == official["threshold_p90"], case["name"]
        assert abs(metrics.recall_at_1 - isc2021["recall_at_1"]) <= 1e-12, case["name"]
        assert abs(metrics.recall_at_10 - isc2021["recall_at_10"]) <= 1e-12, case["name"]
