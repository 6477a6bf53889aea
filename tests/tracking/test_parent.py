"""A sweep's jobs share one parent run (processes at once: see test_store)."""

import pytest

from imgfp.tracking import Store, parent_run, tracked_run


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
        tracked_run(store, "sweep", "bad", {}, parent=parent) as child,
    ):
        raise RuntimeError("broken")
    assert store.client().get_run(child.run_id).info.status == "FAILED"
    assert store.client().get_run(parent).info.status == "FINISHED"


def test_a_key_that_cannot_be_searched_is_refused(store: Store) -> None:
    for key in ("", "both ' and \""):
        with pytest.raises(ValueError, match="sweep key"):
            parent_run(store, "sweep", key, "x")
