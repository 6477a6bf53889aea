"""A sweep's jobs share one parent run (processes at once: see test_store)."""

import pytest

from imgfp.tracking import Store, parent_run, tracked_run
from imgfp.tracking import parent as parents
from imgfp.tracking.create_run import create_run


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


def test_of_two_machines_that_create_the_parent_at_once_one_gives_way(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server's clients on other machines do not share the lock."""
    find, other = parents._find_parent, []

    def late(*given: str) -> str | None:
        if not other:  # searched; now the other machine creates it
            other.append(create_run(store, "sweep", "by another machine", {parents.SWEEP_TAG: "raced"}))
            return None
        return find(*given)

    monkeypatch.setattr(parents, "_find_parent", late)
    assert parent_run(store, "sweep", "raced", "sweep") == other[0]
    monkeypatch.undo()
    found = store.client().search_runs([store.experiment_id("sweep")], f"tags.`{parents.SWEEP_TAG}` = 'raced'")
    assert [run.info.run_id for run in found] == other


def test_a_key_that_cannot_be_searched_is_refused(store: Store) -> None:
    for key in ("", "both ' and \""):
        with pytest.raises(ValueError, match="sweep key"):
            parent_run(store, "sweep", key, "x")
