"""A sweep's jobs share one parent run."""

import multiprocessing

import pytest

from imgfp.tracking import Store, parent_run, tracked_run


def _job(store: Store, number: int) -> str:
    parent = parent_run(store, "sweep", "multirun/it's one", "lr sweep")
    with tracked_run(store, "sweep", f"job {number}", {"number": number}, parent_run_id=parent) as run:
        run.log_metrics({"uap": number / 10})
    return parent


def test_two_processes_share_one_parent(store: Store) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:  # spawn, as joblib's workers: no inherited connection
        parents = pool.starmap(_job, [(store, number) for number in range(4)], chunksize=1)
    assert len(set(parents)) == 1
    client = store.client()
    parent = client.get_run(parents[0])
    assert (parent.info.run_name, parent.info.status) == ("lr sweep", "FINISHED")
    experiment = store.experiment_id("sweep")
    children = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{parents[0]}'")
    assert sorted(child.data.params["number"] for child in children) == ["0", "1", "2", "3"]
    assert len(client.search_runs([experiment])) == 5
    assert parent.info.end_time >= max(child.info.end_time for child in children)


def test_a_rerun_finds_the_parent_and_another_sweep_does_not(store: Store) -> None:
    first = parent_run(store, "sweep", "one", "first")
    assert parent_run(store, "sweep", "one", "renamed") == first
    assert parent_run(store, "sweep", "two", "second") != first
    assert parent_run(store, "another experiment", "one", "first") != first
    assert store.client().get_run(first).info.status == "FINISHED"


def test_a_failed_child_leaves_the_parent_finished(store: Store) -> None:
    parent = parent_run(store, "sweep", "with a failure", "sweep")
    with (
        pytest.raises(RuntimeError, match="broken"),
        tracked_run(store, "sweep", "bad", {}, parent_run_id=parent) as child,
    ):
        raise RuntimeError("broken")
    assert store.client().get_run(child.run_id).info.status == "FAILED"
    assert store.client().get_run(parent).info.status == "FINISHED"


def test_a_key_that_cannot_be_searched_is_refused(store: Store) -> None:
    for key in ("", "both ' and \""):
        with pytest.raises(ValueError, match="sweep key"):
            parent_run(store, "sweep", key, "x")
