"""imgfp demo on a DISC-shaped folder: predictions, report and a tracked run."""

import csv
import math

from imgfp.cli.demo import DEMO_NOTE
from imgfp.pipeline.presets import PRESETS
from imgfp.records import GroundTruth
from imgfp.tracking import open_store


def test_demo_on_a_custom_folder(imgfp, tiny_disc, tmp_path) -> None:
    out, mlruns = tmp_path / "out", tmp_path / "mlruns"
    said = imgfp("demo", "--data", tiny_disc, "--out", out, "--store", mlruns)
    assert (said.code, said.errors) == (0, [])
    assert DEMO_NOTE not in said.out, "that note belongs to the demonstration set alone"
    assert "recall@1" in said.out
    (predictions,) = out.rglob("predictions.csv")
    assert str(predictions) in said.out
    report = predictions.with_name("report.html").read_text(encoding="utf-8")
    assert "<html" in report
    assert "data:image/" in report
    with predictions.open(newline="") as file:
        found = {(row["query_id"], row["reference_id"]) for row in csv.DictReader(file)}
    assert len(found & GroundTruth.read_csv(tiny_disc / "ground_truth.csv").pairs()) >= 3

    client = open_store(mlruns).client()
    experiment = client.get_experiment_by_name("demo")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.tags["preset"] == "default"
    assert run.data.params["vote.candidates"] == str(PRESETS["default"].vote.candidates)
    assert all(math.isfinite(run.data.metrics[name]) for name in ("uap", "local/uap", "global/recall_at_1"))
    assert f"{run.data.metrics['uap']:.4f}" in said.out
    kept = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert {"predictions.csv", "report.html", "images"} <= kept
