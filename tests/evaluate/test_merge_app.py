"""python evaluate/merge.py: branch weights on stored candidates, chosen on one half of the queries, reported for both."""

from pathlib import Path

import numpy as np
import pytest
from experiments import ROOT
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from imgfp.apps import merge_weights
from imgfp.apps.hydra_app import register_presets
from imgfp.apps.merge_weights import halves_of
from imgfp.errors import InputError
from imgfp.records import GroundTruth
from imgfp.tracking import open_store

GIVEN = ["branches=[local,global,crop]", "preset.default.crop.finder=classical"]


def runs_of(mlruns: Path) -> list:
    client = open_store(mlruns).client()
    (experiment,) = [item for item in client.search_experiments() if item.name == "merge"]
    return client.search_runs([experiment.experiment_id])


def test_a_grid_a_search_and_one_setting(tiny_disc, tmp_path, monkeypatch, capsys, one_process, run_script) -> None:
    given = [f"data.root={tiny_disc}", *GIVEN]
    done = run_script("evaluate/merge.py", *given, "-m", "fusion.weights.local=0,1", "fusion.weights.crop=0.5,2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("; held out: uAP ") == 4
    assert "best so far by the first half: " in done.stdout
    runs = runs_of(tmp_path / "mlruns")
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert {(run.data.params["fusion.weights.local"], run.data.params["fusion.weights.crop"]) for run in children} == {
        (local, crop) for local in ("0.0", "1.0") for crop in ("0.5", "2.0")
    }
    assert all({"uap", "recall_at_1", "held_out/uap"} <= run.data.metrics.keys() for run in children)
    assert parent.data.metrics["uap"] == max(run.data.metrics["uap"] for run in children)
    assert parent.data.tags["best.fusion.weights.local"] in ("0", "1")
    client = open_store(tmp_path / "mlruns").client()
    assert [item.path for item in client.list_artifacts(parent.info.run_id, "images")] == ["images/weights.png"]

    # in this process, over the same folders: nothing is extracted or compared again
    OmegaConf.register_new_resolver("repo", lambda path: str(ROOT / path), replace=True)
    register_presets()
    monkeypatch.setattr(merge_weights, "command_key", lambda: None)
    given += [f"paths.work={tmp_path / 'work'}", f"paths.mlruns={tmp_path / 'mlruns'}"]

    def run(*overrides: str) -> int:
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            return merge_weights.judge_weights(compose("merge", overrides=[*given, *overrides]))

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*.npy")}
    assert before
    assert run("search.trials=3") == 0
    assert capsys.readouterr().out.count("; held out: uAP ") == 3
    assert run() == 0
    assert capsys.readouterr().out.count("; held out: uAP ") == 1
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*.npy")} == before
    for overrides, message in (
        (["fusion.weights.crop=-1"], r"^fusion\.weights\.crop=-1\.0: must be a number >= 0$"),
        (["preset=[default,imgfp]"], "weights are evaluated for one preset at a time: give one"),
        (["search.trials=2", "search.low=0"], r"^search\.low=0\.0, search\.high=10\.0: must be a range above 0$"),
    ):
        with pytest.raises(InputError, match=message):
            run(*overrides)


def test_halves_are_disjoint_and_do_not_depend_on_the_rest() -> None:
    truth = GroundTruth.of([(f"Q{n:05d}", f"R{n}" if n % 3 else "") for n in range(200)])
    first, second = halves_of(truth)
    assert not set(first.queries) & set(second.queries)
    assert len(first.queries) + len(second.queries) == 200
    assert 80 < len(first.queries) < 120
    assert first.pairs() | second.pairs() == truth.pairs()
    fewer, _ = halves_of(GroundTruth.of([(f"Q{n:05d}", "") for n in range(50)]))
    assert set(fewer.queries) == set(first.queries[np.isin(first.queries, [f"Q{n:05d}" for n in range(50)])])
