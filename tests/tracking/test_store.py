"""Opening a store: once, at once from several processes, and nowhere else than in its folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imgfp.errors import InputError
from imgfp.tracking import Store, open_store, tracked_run
from imgfp.tracking.relocate import relocate
from imgfp.tracking.store import QUIET_ENVIRONMENT, quiet_mlflow

AT_ONCE = 8
# one process loads MLflow, which takes seconds, and starts the others, which wait for each other
TOGETHER = """
import multiprocessing, sys
from pathlib import Path
from imgfp.tracking import Parent, open_store, tracked_run
from imgfp.tracking.store import quiet_mlflow
assert "mlflow" not in sys.modules, "importing the package must not import mlflow"
quiet_mlflow()
import mlflow.store.tracking.sqlalchemy_store

def job(folder, number, ready):
    ready.wait()
    store = open_store(folder)
    parent = Parent("multirun/it's one", "a sweep", f"n={number}", {"swept": str(number)})
    with tracked_run(store, "sweep", "alone", {"n": number}, "n: 1", parent=parent) as run:
        run.log_metrics({"uap": 0.5})

at_once = int(sys.argv[2])
context = multiprocessing.get_context("fork")
ready = context.Barrier(at_once)
jobs = [context.Process(target=job, args=(Path(sys.argv[1]), number, ready)) for number in range(at_once)]
for each in jobs:
    each.start()
for each in jobs:
    each.join()
sys.exit(sum(each.exitcode != 0 for each in jobs))
"""


def test_eight_processes_meet_a_fresh_store_and_share_one_parent(tmp_path: Path, folder_of_source: Path) -> None:
    folder, elsewhere = tmp_path / "store", tmp_path / "working folder"
    elsewhere.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(folder_of_source)}
    environment.pop("PYTEST_CURRENT_TEST", None)
    done = subprocess.run(
        [sys.executable, "-c", TOGETHER, str(folder), str(AT_ONCE)],
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")  # no line of a migration either
    store = open_store(folder)
    runs = store.client().search_runs([store.experiment_id("sweep")])
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = [run for run in runs if run is not parent]
    assert (parent.info.run_name, parent.info.status) == ("a sweep", "FINISHED")
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    numbers = [str(number) for number in range(AT_ONCE)]
    assert sorted(run.info.run_name for run in children) == [f"n={number}" for number in numbers]
    assert sorted(run.data.params["n"] for run in children) == numbers
    assert sorted(run.data.params["swept"] for run in children) == numbers
    assert {(run.info.status, run.data.metrics["uap"]) for run in children} == {("FINISHED", 0.5)}
    # of processes that end at the same moment, one writes the time that it has read before the others
    assert parent.info.end_time >= max(run.info.end_time for run in children) - 1000
    assert list(elsewhere.iterdir()) == []
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "artifacts", "mlflow.db"]


def test_every_experiment_keeps_its_artifacts_in_the_store(store: Store) -> None:
    store.experiment_id("plain")
    store.experiment_id("odd: name/with\\slashes")
    store.experiment_id("odd: name-with/slashes")
    locations = [item.artifact_location for item in store.client().search_experiments()]
    assert len(set(locations)) == len(locations)
    assert all(location.startswith(store.artifacts.as_uri() + "/") for location in locations)


def test_telemetry_is_off_before_mlflow_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in QUIET_ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    quiet_mlflow()
    assert (os.environ["MLFLOW_DISABLE_TELEMETRY"], os.environ["DO_NOT_TRACK"]) == ("true", "true")


def test_a_deleted_experiment_is_named(store: Store) -> None:
    store.client().delete_experiment(store.experiment_id("given up"))
    with pytest.raises(InputError, match="'given up' was deleted"):
        store.experiment_id("given up")


def test_a_path_that_a_uri_cannot_carry_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not allowed in a store's path"):
        open_store(tmp_path / "what?")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        open_store(tmp_path / "file")


def test_a_copied_store_works_after_relocate(store: Store, tmp_path: Path) -> None:
    with tracked_run(store, "copied", "first", {}, "seed: 7\n") as first:
        pass
    shutil.copytree(store.folder, tmp_path / "laptop")
    copy = open_store(tmp_path / "laptop")
    with pytest.raises(InputError, match=r"imgfp\.tracking\.relocate"):
        copy.experiment_id("copied")

    assert relocate(copy.folder) > 0
    assert relocate(copy.folder) == 0
    assert copy.client().get_run(first.run_id).info.artifact_uri.startswith(copy.artifacts.as_uri() + "/")
    fetched = copy.client().download_artifacts(first.run_id, "config.yaml")
    assert Path(fetched).read_text() == "seed: 7\n"
    with tracked_run(copy, "copied", "second", {}) as second:
        pass
    assert second.run_id != first.run_id


def test_relocate_requires_a_store(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no mlflow\.db found"):
        relocate(tmp_path)
