"""A store that takes nothing more does not end a computation; what it missed is kept and brought in later."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from imgfp.apps import sweep_job
from imgfp.cli.main import main
from imgfp.errors import InputError
from imgfp.studies.sweep_rows import SweepRow
from imgfp.studies.sweep_summary import update_parent
from imgfp.tracking import (
    ChildRun,
    Parent,
    Run,
    Store,
    child_runs,
    log_checkpoint,
    log_children,
    open_store,
    parent_run,
    tracked_run,
)
from imgfp.tracking import store as stores
from imgfp.tracking.notes import NOTE_TAG
from imgfp.tracking.run import CONTINUES_TAG
from imgfp.tracking.study import upload_unlogged


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the results."""
    monkeypatch.setattr(stores, "_fallback", None)
    monkeypatch.setattr(stores, "_announced", set())
    monkeypatch.setattr(stores, "_unlogged", {})
    stores.keep_unlogged_in(tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture
def full() -> Iterator[list[Path]]:
    """Folders on a full disk: SQLite says so wherever a database below one of them would grow."""
    full: list[Path] = []

    def limit(connection, *_) -> None:  # type: ignore[no-untyped-def]
        (_, _, file) = connection.execute("PRAGMA database_list").fetchone()
        here = any(Path(file).is_relative_to(folder) for folder in full)
        connection.execute(f"PRAGMA max_page_count = {1 if here else 1 << 30}")  # 1: as large as it is

    event.listen(Pool, "checkout", limit)
    yield full
    event.remove(Pool, "checkout", limit)


def only_run(store: Store, experiment: str):  # type: ignore[no-untyped-def]
    (run,) = store.client().search_runs([store.experiment_id(experiment)])
    return run


def test_children_that_the_store_does_not_take_are_kept(work: Path, tmp_path: Path, full: list[Path]) -> None:
    store = open_store(tmp_path / "mlruns")
    runs = [ChildRun(str(n), {"text": "x" * 5000}, {"uap": n / 10}) for n in range(8)]
    with tracked_run(store, "full", "settings", {}) as run:
        log_children(run, "full", runs[:1])
        full.append(store.folder)
        log_children(run, "full", runs[1:])
        assert run.continues_elsewhere
    (kept,) = run._elsewhere
    assert {child.name for child in child_runs(run)} | {child.name for child in child_runs(kept)} >= set("01234567")
    assert store.client().get_run(run.run_id).info.status == "RUNNING", "a full disk takes no end either"


def log_much(run: Run, first: int, last: int) -> None:
    """More than the free part of the database's last pages takes."""
    for step in range(first, last):
        run.log_metrics({"loss": float(step)}, step)
        run.set_tag(f"tag {step}", "x" * 5000)


def test_a_full_disk_ends_nothing_and_the_rest_is_uploaded(
    work: Path, tmp_path: Path, full: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(tmp_path / "mlruns")
    weights, card = tmp_path / "epoch-001.safetensors", tmp_path / "epoch-001.json"
    weights.write_bytes(b"")
    card.write_text("{}")
    with tracked_run(store, "full", "a training", {"seed": 1}) as run:
        log_much(run, 0, 3)
        full.append(store.folder)
        log_much(run, 3, 9)
        log_checkpoint(run, weights, card, {}, {"uap": 0.5}, 9)
        run.log_artifact(card)
    warning = capsys.readouterr().err.splitlines()
    assert len(warning) == 1
    assert warning[0] == (
        f"warning: {store.folder}: its disk is full; logging to {work / 'unlogged'} instead; bring it in later: "
        f"imgfp study upload '{work / 'unlogged'}' --mlruns '{store.folder}'"
    )
    assert list(stores.take_unlogged()) == [work / "unlogged"]
    before = only_run(store, "full")
    assert (before.info.status, before.data.metrics.get("uap")) == ("RUNNING", None)

    full.clear()
    assert main(["study", "upload", str(work), "--mlruns", str(store.folder)]) == 0
    assert capsys.readouterr().out.startswith("1 run, 1 model, ")
    after = only_run(store, "full")
    assert (after.info.run_id, after.info.run_name, after.info.status) == (run.run_id, "a training", "FINISHED")
    assert [item.value for item in store.client().get_metric_history(run.run_id, "loss")] == [
        float(n) for n in range(9)
    ]
    assert {f"tag {step}" for step in range(9)} <= set(after.data.tags)
    assert (after.data.metrics["uap"], after.data.params) == (0.5, {"seed": "1"})
    assert CONTINUES_TAG not in after.data.tags
    (model,) = store.client().search_logged_models([after.info.experiment_id])
    assert (model.name, model.source_run_id) == ("epoch-001", run.run_id)
    assert upload_unlogged(work, store) == f"{work / 'unlogged'}: nothing is left to upload"


def test_a_checkpoint_that_was_half_logged_is_completed(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    store, weights, card = open_store(tmp_path / "mlruns"), tmp_path / "epoch-001.safetensors", tmp_path / "card.json"
    weights.write_bytes(b"")
    card.write_text("{}")
    real = MlflowClient.log_model_artifact

    def fails(client: MlflowClient, model_id: str, path: str) -> None:
        if client.tracking_uri == store.uri:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(client, model_id, path)

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_model_artifact", fails)
        with tracked_run(store, "half", "a training", {}) as run:
            log_checkpoint(run, weights, card, {"margin": 1}, {"uap": 0.5}, 1)
    upload_unlogged(work, store)
    (model,) = store.client().search_logged_models([store.experiment_id("half")])
    assert (str(model.status), model.params, [item.value for item in model.metrics]) == (
        "READY",
        {"margin": "1"},
        [0.5],
    )
    assert [item.step for item in store.client().get_run(run.run_id).outputs.model_outputs] == [1]


def test_where_nothing_can_be_kept_the_computation_goes_on(
    work: Path, tmp_path: Path, full: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(tmp_path / "mlruns")
    open_store(work / "unlogged")
    with tracked_run(store, "full", "a training", {}) as run:
        full.append(tmp_path)
        log_much(run, 0, 9)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert said[1] == f"warning: {work / 'unlogged'}: its disk is full: this run is not logged any more"


def test_a_child_that_the_store_does_not_take_is_uploaded_to_its_parent(
    work: Path, tmp_path: Path, full: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(tmp_path / "mlruns")
    parent = parent_run(store, "weights", "a key", "sweep")
    full.append(store.folder)
    large = {f"tag {number}": "x" * 5000 for number in range(5)}
    for seed in range(2):  # in one process, as evaluate/merge.py does
        with tracked_run(store, "weights", f"seed={seed}", {}, None, large, parent) as run:
            run.log_metrics({"uap": 0.5})
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert run.store.folder == work / "unlogged"
    full.clear()
    assert upload_unlogged(work, store).startswith("2 runs, 0 models, 2 metric values")
    found = store.client().search_runs([store.experiment_id("weights")], f"tags.`mlflow.parentRunId` = '{parent}'")
    assert {run.info.run_name for run in found} == {"seed=0", "seed=1"}


def test_a_sweep_goes_on_without_its_server(
    work: Path, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whose jobs that begin later find the same parent."""
    address = "http://127.0.0.1:9"  # nothing listens there
    with pytest.raises(InputError, match=r"127.0.0.1:9: no MLflow server answers \(connection refused\): start it"):
        open_store(address)
    monkeypatch.setenv("IMGFP_STORE_REACHED", address)  # by an earlier job of the sweep
    for seed in (1, 2):
        kept = open_store(address)
        parent = parent_run(kept, "a sweep", "its key", "sweep")
        with tracked_run(kept, "a sweep", f"seed={seed}", {"seed": seed}, parent=parent) as run:
            run.log_metrics({"uap": 0.5})
    assert kept.folder == work / "unlogged"
    rows = [SweepRow({"seed": "2"}, "finished", {"uap": 0.5}, run.run_id)]
    update_parent(Run(kept, parent), rows, ["seed"], "a command")
    assert len(capsys.readouterr().err.splitlines()) == 1

    before = parent_run(store, "a sweep", "its key", "sweep")
    with tracked_run(store, "a sweep", "seed=0", {"seed": 0}, parent=before):
        pass
    store.client().set_terminated(before, "FINISHED", 1)  # all that was before the server went away
    assert upload_unlogged(work, store).startswith("3 runs, 0 models, 6 metric values and 2 files")
    client, key = store.client(), store.experiment_id("a sweep")
    runs = client.search_runs([key], f"tags.`mlflow.parentRunId` = '{before}'")
    assert {run.info.run_name for run in runs} == {"seed=0", "seed=1", "seed=2"}
    assert len(client.search_runs([key])) == 4
    shown = client.get_run(before)  # the later figures and the table, with links to the runs here
    assert (shown.data.metrics["jobs_finished"], shown.data.tags["best.run"]) == (2, "seed=2")
    (last,) = (run for run in runs if run.info.run_name == "seed=2")
    assert f"[finished](#/experiments/{key}/runs/{last.info.run_id})" in shown.data.tags[NOTE_TAG]
    assert [item.path for item in client.list_artifacts(before)] == ["images", "sweep.csv"]
    assert f"[the sweep](#/experiments/{key}/runs/{before})" in last.data.tags[NOTE_TAG]


def test_a_job_that_cannot_look_up_earlier_results_evaluates(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OSError(errno.EIO, "away")

    monkeypatch.setattr(sweep_job, "finished_run", away)
    assert sweep_job.take_over(store, "a sweep", "a fingerprint", Parent("key", "sweep"), "run") is None


def test_errors_of_the_program_are_not_the_stores(work: Path, store: Store) -> None:
    with pytest.raises(FileNotFoundError), tracked_run(store, "wrong", "x", {}) as run:
        run.log_artifact(work / "no such file")
    assert stores.take_unlogged() == {}
