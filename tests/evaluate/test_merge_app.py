"""python evaluate/merge.py: settings of the merge on stored candidates, chosen on one half of the queries, reported for both.

* the figures of a setting are those of the search's own ranking, also under another score normalisation;
* one command or a sweep, in this process or another, extracts and compares nothing again;
* the same queries for choosing and reporting are refused, and tagged where they are asked for;
* what cannot be merged is told in one line, before a search.
"""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from experiments import ROOT
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from imgfp.apps import merge_weights
from imgfp.apps.hydra_app import register_presets
from imgfp.datasets.disc_set import DiscSet, background_images
from imgfp.errors import InputError
from imgfp.fusion import read_calibration
from imgfp.metrics import evaluate
from imgfp.pipeline.presets import PRESETS
from imgfp.pipeline.rank import rank_merged
from imgfp.pipeline.run_config import RunConfig
from imgfp.records import GroundTruth, Pairs
from imgfp.studies.judged_run import judged_search
from imgfp.studies.merging.split import truth_of_halves
from imgfp.tracking import open_store

GIVEN = ["branches=[local,global,crop]", "preset.default.crop.finder=classical"]


def runs_of(mlruns: Path) -> list:
    client = open_store(mlruns).client()
    (experiment,) = [item for item in client.search_experiments() if item.name == "merge"]
    return client.search_runs([experiment.experiment_id], max_results=1000)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The app in this process, with overrides."""
    OmegaConf.register_new_resolver("repo", lambda path: str(ROOT / path), replace=True)
    register_presets()

    def run_app(*overrides: str) -> int:
        monkeypatch.setattr(merge_weights, "sweep_parent", lambda: None)  # of the last test's Hydra
        folders = [f"paths.work={tmp_path / 'work'}", f"paths.mlruns={tmp_path / 'mlruns'}"]
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            return merge_weights.judge_weights(compose("merge", overrides=[*folders, *overrides]))

    return run_app


def test_a_sweep_a_grid_and_a_search(tiny_disc, tmp_path, run, capsys, one_process, run_script) -> None:
    given = [f"data.root={tiny_disc}", *GIVEN]
    done = run_script("evaluate/merge.py", *given, "-m", "fusion.weights.local=0,1", "fusion.weights.crop=0.5,2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("; held out: uAP ") == 4
    assert "merge: fusion.weights.local x fusion.weights.crop: 4 jobs: 4 finished" in done.stdout
    runs = runs_of(tmp_path / "mlruns")
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert {(run.data.params["fusion.weights.local"], run.data.params["fusion.weights.crop"]) for run in children} == {
        (local, crop) for local in ("0", "1") for crop in ("0.5", "2")
    }
    assert all({"selection/uap", "held_out/uap", "held_out/recall_at_1"} <= run.data.metrics.keys() for run in children)
    assert all(run.data.metrics["uap"] == run.data.metrics["held_out/uap"] for run in children)
    assert parent.data.metrics["selection/uap"] == max(run.data.metrics["selection/uap"] for run in children)
    assert parent.data.tags["best.fusion.weights.local"] in ("0", "1")
    client = open_store(tmp_path / "mlruns").client()
    pictures = [f"images/{name}.png" for name in ("heat_map", "parallel_coordinates", "sweep")]
    assert [item.path for item in client.list_artifacts(parent.info.run_id, "images")] == pictures
    (found,) = (tmp_path / "work" / tiny_disc.name).glob("default-*")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*.npy")}
    assert before

    # over the same folders nothing is extracted or compared again, and the search is not even opened
    merge_weights.search_source.__globals__["_search_source"].cache_clear()
    (found / "work").rename(found / "away")
    assert run(*given, "grid.weights.local=[0,1]", "grid.weights.crop=[0,0.5,1]", "children=3") == 0
    said = capsys.readouterr().out
    assert "6 settings in " in said
    assert "local 1, global 1, crop 1 (configured)" in said
    (table,) = found.glob("merge/settings-*/settings.csv")
    rows = list(csv.DictReader(table.open()))
    assert len(rows) == 6
    uaps = [float(row["selection/uap"]) for row in rows]
    assert uaps == sorted(uaps, reverse=True)
    new = [item for item in runs_of(tmp_path / "mlruns") if item.info.run_id not in {old.info.run_id for old in runs}]
    (parent,) = [run for run in new if "mlflow.parentRunId" not in run.data.tags]
    assert len(new) == 1 + 3
    assert parent.data.tags["split"] == "chosen on the first half, reported on the second"
    artifacts = {item.path for item in client.list_artifacts(parent.info.run_id)}
    assert artifacts == {"config.yaml", "settings.csv", "images", "best"}
    assert (
        run(*given, "search.trials=9", "search.method=tpe", "children=0", "split.choose=all", "split.report=same") == 0
    )
    assert "9 settings in " in (said := capsys.readouterr().out)
    assert "NOT HELD OUT: chosen and reported on all queries" in said
    parent = max(runs_of(tmp_path / "mlruns"), key=lambda run: run.info.start_time)
    assert parent.data.tags["held_out"] == "false"
    assert not [name for name in parent.data.metrics if name.startswith("held_out/")]
    (found / "away").rename(found / "work")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*.npy")} == before


def test_calibrations_and_normalisations(tiny_disc, tmp_path, run, capsys, one_process) -> None:
    """What the search itself gives with a background set and another calibration is what the stored candidates give."""
    background, calibration = tiny_disc / "training_images", tmp_path / "other.json"
    shipped = read_calibration()
    replace(shipped, coefficients=tuple(-0.5 * value for value in shipped.coefficients)).write(calibration)
    given = [f"data.root={tiny_disc}", "branches=[local,global]", f"background={background}"]
    assert run(*given, "grid.normalisation=[none,mean,sscd]", f"grid.calibration=[null,{calibration}]") == 0
    (table,) = (tmp_path / "work").rglob("settings.csv")
    rows = {(row["calibration"], row["normalisation"]): row for row in csv.DictReader(table.open())}
    assert len(rows) == 6
    data = DiscSet.open(tiny_disc)
    preset = PRESETS["default"]
    for name, images in (("none", None), ("mean", background_images(str(background), tiny_disc))):
        found = judged_search(data, tmp_path / "work" / tiny_disc.name, RunConfig.named("default"), images)
        for file in ("null", str(calibration)):
            own = read_calibration(None if file == "null" else file)
            pairs = rank_merged(preset, own, found.candidates)[0]
            halves = [evaluate(pairs, half) for half in truth_of_halves(data.truth)]
            row = rows[file, name]
            for prefix, wanted in zip(("selection", "held_out"), halves, strict=True):
                for key, value in wanted.figures().items():
                    assert row[f"{prefix}/{key}"] == ("" if value is None else repr(value)), (file, name, key)
    thresholds = {row["held_out/threshold_at_p90"] for row in rows.values()}
    assert len(thresholds) > 1, "calibrations differ"

    damaged = json.loads(calibration.read_bytes()) | {"schema": 99}
    calibration.write_text(json.dumps(damaged))
    with pytest.raises(InputError, match=r"other\.json: calibration of an unsupported version"):
        run(*given[:2], f"fusion.calibration={calibration}")


def write(path: Path, rows: list[tuple[str, str, float]]) -> Path:
    Pairs.of(rows).write_csv(path)
    return path


def test_files_that_somebody_brings(tmp_path, run, capsys) -> None:
    truth = GroundTruth.of([(f"Q{n}", f"R{n}" if n % 4 else "") for n in range(40)])
    truth.write_csv(tmp_path / "truth.csv")
    rng = np.random.default_rng(0)
    rows = [(f"Q{n}", f"R{m}", float(n == m) + float(rng.normal())) for n in range(40) for m in (n, (n + 1) % 40)]
    one, two = write(tmp_path / "one.csv", rows[::2] + rows[1::4]), write(tmp_path / "two.csv", rows)
    given = [f"branch_files={{one: {one}, two: {two}}}", f"ground_truth={tmp_path / 'truth.csv'}"]
    assert run(*given, "+fusion.weights.two=0.5", "search.trials=200", "children=1") == 0
    said = capsys.readouterr().out
    assert "one 1, two 0.5 (configured)" in said
    assert "200 settings in " in said

    refused = {
        "branch_files.bad: query 'X1' is not in the ground truth": [("X1", "R1", 1.0)],
        "branch_files.bad: score inf of Q1,R1 is not a finite number": [("Q1", "R1", float("inf"))],
    }
    for message, bad in refused.items():
        other = write(tmp_path / "bad.csv", bad)
        with pytest.raises(InputError, match=f"^{message}"):
            run(f"branch_files={{one: {one}, bad: {other}}}", given[1])
    (tmp_path / "bad.csv").write_text("query_id,reference_id,score\nQ1,R1,nan\n")
    with pytest.raises(InputError, match=r"bad\.csv row 2: score is NaN"):
        run(f"branch_files={{one: {one}, bad: {tmp_path / 'bad.csv'}}}", given[1])
    low, high = write(tmp_path / "low.csv", rows[:20]), write(tmp_path / "high.csv", rows[-20:])
    with pytest.raises(InputError, match=r"^branch_files\.low and branch_files\.high have no query in common"):
        run(f"branch_files={{low: {low}, high: {high}}}", given[1])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["fusion.weights.crop=-1"], r"^fusion\.weights\.crop=-1\.0: must be a number >= 0$"),
        (["fusion.weights.crop=inf"], r"^fusion\.weights\.crop=inf: must be a number >= 0$"),
        (["fusion.weights.crop=nan"], r"^fusion\.weights\.crop=nan: must be a number >= 0$"),
        ([f"fusion.weights.{name}=0" for name in ("local", "global", "crop")], r"^fusion\.weights: all are 0"),
        (["preset=[default,imgfp]"], "weights are evaluated for one preset at a time: give one"),
        (["search.trials=2", "search.low=0"], r"^search\.low=0\.0, search\.high=10\.0: must be a range above 0$"),
        (["search.trials=2", "search.method=best"], r"^search\.method='best': must be one of grid, random, tpe$"),
        (["search.trials=2", "search.method=grid"], r"^search\.trials=2: too few for a grid of 2 weights"),
        (["grid.weights.crop=[]"], r"^grid\.weights\.crop=\[\]: the list is empty"),
        (["grid.weights.crop=[1,-2]"], r"^grid\.weights\.crop: -2\.0: must be a number >= 0$"),
        (["branches=[local,global]", "grid.weights.crop=[1,2]"], r"^grid\.weights\.crop: branches has no branch 'crop'"),
        (["+fusion.weights.corp=2"], r"^fusion\.weights\.corp: branches has no branch 'corp', only local, global, crop"),
        (["fusion.normalisation=isc2012"], r"^fusion\.normalisation='isc2012': must be one of none, mean, isc2021"),
        (["fusion.normalisation=isc2021"], r"needs negative images: give background=training, or a folder$"),
        (["preset=[imgfp]", "fusion.normalisation=mean"], r"has no effect with fusion\.rule='sum'"),
        (["preset=[imgfp]", "fusion.calibration=x.json"], r"has no effect with fusion\.rule='sum': leave it out$"),
        (["fusion.calibration=x.json"], r"^x\.json: no such file"),
        (["split.report=first"], r"^split\.choose=first, split\.report=first: figures on queries .* split\.report=second"),
        (["split.choose=all"], r"give split\.choose=first, or split\.report=same if that is wanted$"),
        (["split.choose=half"], r"^split\.choose='half': must be one of first, second, all$"),
        (["branch_files={one: a.csv, two: b.csv}"], r"^branch_files: give their ground truth too"),
    ],
)  # fmt: skip
def test_what_cannot_be_merged_is_told_before_a_search(run, overrides, message) -> None:
    with pytest.raises(InputError, match=message):
        run("data.root=/none", *overrides)
