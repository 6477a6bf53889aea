"""imgFp's own published Phase-1 result, judged by our metrics."""

import json
from pathlib import Path
from typing import Any

from imgfp.metrics import evaluate
from imgfp.records import GroundTruth, Pairs


def test_published_result(real_case: dict[str, Any], golden: Path) -> None:
    folder = golden / "isc/imgfp_real"
    expected = json.loads((folder / "expected.json").read_text())[real_case["name"]]
    metrics = evaluate(Pairs.read_csv(folder / real_case["preds"]), GroundTruth.read_csv(folder / real_case["gt"]))
    assert abs(metrics.uap - expected["official"]["average_precision"]) <= 1e-12
    assert abs(metrics.recall_at_p90 - expected["official"]["recall_p90"]) <= 1e-12
    assert metrics.threshold_at_p90 == expected["official"]["threshold_p90"]
    assert abs(metrics.recall_at_1 - expected["isc2021"]["recall_at_1"]) <= 1e-12
    assert abs(metrics.recall_at_10 - expected["isc2021"]["recall_at_10"]) <= 1e-12
