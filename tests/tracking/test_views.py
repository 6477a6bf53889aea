"""Which columns and charts a view has, and what a run's description says."""

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from imgfp.tracking import Store, comparison, describe, parent_run, tracked_run
from imgfp.tracking.metric_names import headline, label
from imgfp.tracking.notes import NOTE_TAG
from imgfp.tracking.views import has_view, is_comparison, write_view


def state_of(store: Store, experiment: str, key: str = "imgfp") -> dict[str, Any]:
    """A view as MLflow's page reads it."""
    value = store.client().get_experiment(store.experiment_id(experiment)).tags[f"mlflow.sharedViewState.{key}"]
    head, _, packed = value.partition(";")
    assert head == "deflate"
    assert len(value) < 5000  # PostgreSQL's limit in MLflow's schema
    state: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(packed)))
    return state


def preset_sweep(store: Store, experiment: str, count: int = 2) -> list[str]:
    """Children that differ in the preset, in what depends on it, and in a weight; the last has the highest uAP."""
    parent, ids = parent_run(store, experiment, experiment, "the sweep"), []
    for number in range(count):
        name = ("imgfp", "default")[number % 2]
        params = {"preset": name, "vote": {"k": len(name)}, "weight": number / 2, "seed": 7}
        with tracked_run(store, experiment, f"run {number}", params, None, {"data": "isc-mini"}, parent) as run:
            run.log_metrics({"images_per_second": 9, "recall_at_1": 0.5, "uap": 0.1 + number / 100})
        ids.append(run.run_id)
    return [parent, *ids]


def test_uap_first_then_what_was_swept(store: Store) -> None:
    preset_sweep(store, "columns", 3)
    describe(store, "columns")
    state = state_of(store, "columns")
    # vote.k changes only together with the preset, and seed not at all
    wanted = ["metrics.`uap`", "metrics.`recall_at_1`", "params.`weight`", "tags.`data`", "params.`preset`"]
    assert state["selectedColumns"] == wanted
    assert state["orderByKey"] == "attributes.start_time"  # MLflow nests children in no other order
    charts = [
        (chart["type"], chart.get("metricKey", chart.get("selectedParams"))) for chart in state["compareRunCharts"]
    ]
    assert charts == [("BAR", "uap"), ("BAR", "recall_at_1"), ("PARALLEL", ["weight"])]
    sections = {section["uuid"] for section in state["compareRunSections"]}
    assert {chart["metricSectionId"] for chart in state["compareRunCharts"]} <= sections


def test_what_changes_together_has_one_column_and_paths_have_none(store: Store) -> None:
    parent = parent_run(store, "together", "together", "the sweep")
    for number in (1, 2):
        tail = {"default": {"match": {"ratio": number}}}
        params = {"preset": tail, "match": {"ratio": number}, "weights": f"outputs/{number}", "epoch": number}
        with tracked_run(store, "together", f"preset.default.match.ratio={number}", params, None, {}, parent) as run:
            run.log_metrics({"uap": 0.5})
    describe(store, "together")
    state = state_of(store, "together")
    assert state["selectedColumns"] == ["metrics.`uap`", "params.`preset.default.match.ratio`"]
    assert state["columnWidths"]["attributes.`Run Name`"] > 300  # the whole name


def test_many_children_are_sorted_by_uap(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgfp.tracking.views._MANY", 2)
    preset_sweep(store, "many", 3)
    describe(store, "many")
    assert (state_of(store, "many")["orderByKey"], state_of(store, "many")["orderByAsc"]) == ("metrics.`uap`", False)


def test_a_training_has_curves(store: Store) -> None:
    with tracked_run(store, "curves", "one", {}) as run:
        for step in range(2):
            run.log_metrics({"validation/uap": 0.1, "loss": 1.0, "epoch": float(step)}, step)
        run.log_metrics({"uap": 0.1, "best/uap": 0.1, "baseline/uap": 0.05})
    assert has_view(store, store.experiment_id("curves"))  # without a link that was printed
    state = state_of(store, "curves")
    lines = [chart for chart in state["compareRunCharts"] if chart["type"] == "LINE"]
    assert [chart["metricKey"] for chart in lines] == ["validation/uap", "loss"]
    assert {chart["xAxisKey"] for chart in lines} == {"step"}
    assert state["selectedColumns"] == ["metrics.`uap`"]


def test_a_comparison_shows_only_its_runs(store: Store) -> None:
    _, first, second = preset_sweep(store, "compared")
    link = comparison(store, "compared", [first, second])
    key = link.partition("viewStateShareKey=")[2].partition("&")[0]
    assert link.endswith("&compareRunsMode=CHART")
    assert key == comparison(store, "compared", [second, first]).partition("viewStateShareKey=")[2].partition("&")[0]
    assert state_of(store, "compared", key)["searchFilter"] in {
        f"attributes.run_id IN ('{one}','{two}')" for one, two in ((first, second), (second, first))
    }


def test_an_experiment_keeps_the_latest_comparisons(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgfp.tracking.views._COMPARISONS", 2)
    parent, first, second = preset_sweep(store, "often compared")
    number = store.experiment_id("often compared")
    keys = [write_view(store, number, runs) for runs in ([first, second], [first], [second, first], [second], [parent])]
    assert keys[0] == keys[2]
    kept = {tag for tag in store.client().get_experiment(number).tags if is_comparison(tag)}
    assert kept == {f"mlflow.sharedViewState.{key}" for key in keys[-2:]}
    assert has_view(store, number)


def test_siblings_have_different_colours_and_a_chosen_one_stays(store: Store) -> None:
    _, first, second = preset_sweep(store, "colours")
    store.client().set_tag(first, "mlflow.runColor", "#000000")
    describe(store, "colours")
    colours = [store.client().get_run(run_id).data.tags["mlflow.runColor"] for run_id in (first, second)]
    assert colours[0] == "#000000"
    assert colours[1] != colours[0]


def test_the_description_says_the_figures_and_what_to_open(store: Store, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("<p>")
    (tmp_path / "curve.png").write_bytes(b"png")
    with tracked_run(store, "noted", "one", {}, tags={"preset": "imgfp"}) as run:
        run.log_metrics({"recall_at_1": 0.5, "uap": 0.25, "images_per_second": 3})
        run.log_dataset("isc-mini", tmp_path, "0123", queries=1200, references=5)
        run.log_artifact(tmp_path / "report.html")
        run.log_artifact(tmp_path / "curve.png", "images")
    here = f"#/experiments/{store.experiment_id('noted')}/runs/{run.run_id}/artifacts"
    assert store.client().get_run(run.run_id).data.tags[NOTE_TAG].split("\n\n") == [
        "**uAP 0.2500 · recall@1 0.5000**",
        f"Look next at [the report]({here}/report.html), [curve]({here}/images/curve.png).",
        "Data: **isc-mini** (evaluation, 1,200 queries, 5 references). Made with preset `imgfp`.",
    ]


def test_a_sweeps_description_names_its_best_run_and_an_edited_one_is_kept(store: Store) -> None:
    parent, _, best = preset_sweep(store, "parents")
    note = store.client().get_run(parent).data.tags[NOTE_TAG]
    assert f"Best of its runs: [run 1](#/experiments/{store.experiment_id('parents')}/runs/{best}): uAP 0.1100" in note
    store.client().set_tag(parent, NOTE_TAG, "mine")
    preset_sweep(store, "parents")
    assert store.client().get_run(parent).data.tags[NOTE_TAG] == "mine"


def test_the_first_figures_of_other_runs() -> None:
    assert headline(["loss", "recall_at_10", "recall_at_1", "uap"]) == ["uap", "recall_at_1"]
    assert headline(["map_at_200", "recall_at_200"]) == ["map_at_200", "recall_at_200"]
    assert headline(["loss"]) == []
    assert [label(name) for name in ("uap", "held_out/recall_at_1", "map_at_200")] == [
        "uAP",
        "recall@1 (held out)",
        "mAP@200",
    ]
