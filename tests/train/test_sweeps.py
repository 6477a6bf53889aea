"""`train/esvit.py -m` in processes of its own: children of one parent, failures named, nothing done twice."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from experiments import ROOT

from imgfp.studies.sweep_rows import short_value
from imgfp.tracking import open_store

PARENT = "mlflow.parentRunId"
ADVICE = "esvit.py: rerun the same command to resume unfinished jobs"


@pytest.fixture
def app(training_disc: Path, tmp_path: Path):
    """Starts the app in another working folder; everything it writes goes below tmp_path."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        folders = {"paths.work": "work", "paths.mlruns": "mlruns", "hydra.run.dir": "hydra", "hydra.sweep.dir": "sweep"}
        return subprocess.run(
            [sys.executable, ROOT / "train" / "esvit.py", f"data.root={training_disc}"]
            + [f"{key}={tmp_path / name}" for key, name in folders.items()]
            + list(arguments),
            cwd=tmp_path,
            env=os.environ | {"IMGFP_THREADS": "2"},
            capture_output=True,
            text=True,
        )

    return run


def test_a_sweep_in_joblib_and_extended_in_submitit(app, quick: list[str], training_disc: Path, tmp_path: Path) -> None:
    micro = ["network.architecture=test_efficientnet", "network.pretrained=false", "network.dim=4", "size=32", *quick]
    sweep = ["-m", "+experiment=mini_efficientnet", *micro]
    # what no check knows before the job itself compares the files
    bad, good, worse = training_disc / "query_images", training_disc / "training_images", tmp_path / "copied"
    shutil.copytree(bad, worse)
    refused = "training photographs are queries of the validation set, first "

    done = app(*sweep, f"pairs.photographs={bad},{good}", "hydra.launcher.n_jobs=2")
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert {f"job 0: pairs.photographs={bad}", f"job 1: pairs.photographs={good}"} <= {*lines}
    assert any(line.startswith("esvit.py: job 0: ") and refused in line for line in lines), done.stderr
    assert lines[-3] == "esvit.py: 1 of 2 jobs failed:"
    assert lines[-2].startswith(f"  job 0 (pairs.photographs={bad}): ")
    assert lines[-1] == ADVICE
    table = done.stdout.splitlines()
    start = table.index("mini_efficientnet: pairs.photographs: 2 jobs: 1 failed, 1 finished")
    assert table[start + 1].split() == ["pairs.photographs", "uAP", "recall@1", "R@P90", "state"]
    assert (table[start + 2].split()[0], table[start + 2].split()[-2:]) == (
        short_value(str(good)),
        ["finished", "best"],
    )
    assert table[start + 3].split() == [short_value(str(bad)), "-", "-", "-", "failed"]

    client = open_store(tmp_path / "mlruns").client()
    (experiment,) = client.search_experiments(filter_string="name = 'esvit'")
    runs = client.search_runs([experiment.experiment_id])
    (child,) = [run for run in runs if PARENT in run.data.tags]
    (parent,) = [run for run in runs if PARENT not in run.data.tags]
    assert parent.data.tags["mlflow.runName"] == "mini_efficientnet: pairs.photographs"
    assert child.data.tags["mlflow.runName"] == f"pairs.photographs={short_value(str(good))}"
    counts = {name: parent.data.metrics[name] for name in ("jobs", "jobs_finished", "jobs_failed")}
    assert counts == {"jobs": 2, "jobs_finished": 1, "jobs_failed": 1}
    assert parent.data.tags["best.pairs.photographs"] == str(good)
    assert child.data.params["pairs.photographs"] == str(good)
    assert child.data.tags[PARENT] == parent.info.run_id
    assert child.info.status == "FINISHED"
    assert "uap" in child.data.metrics

    again = app(*sweep, f"pairs.photographs={bad},{good},{worse}", "hydra/launcher=submitit_local")
    assert again.returncode == 2, again.stderr
    lines = again.stderr.splitlines()
    assert lines[-4:-2] == ["esvit.py: 2 of 3 jobs failed:", done.stderr.splitlines()[-2]]
    assert "\nmini_efficientnet: pairs.photographs: 3 jobs: 2 failed, 1 reused\n" in again.stdout
    logs = [path.read_text() for path in (tmp_path / "sweep" / ".submitit").glob("*/*_log.err")]
    assert sum("already finished; use resume=false to retrain" in log for log in logs) == 1
    assert {run.info.run_id for run in client.search_runs([experiment.experiment_id])} == {
        run.info.run_id for run in runs
    }, "nothing is trained twice, and the parent is the same"
    assert client.get_run(parent.info.run_id).data.metrics["jobs"] == 3
    ended = [json.loads((tmp_path / "sweep" / str(job) / "outcome.json").read_text()) for job in range(3)]
    assert [outcome["code"] for outcome in ended] == [2, 0, 2]
