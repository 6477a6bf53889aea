"""Many finished children of one run."""

import pytest

from imgfp.tracking import ChildRun, Store, child_runs, log_children, tracked_run


def test_children_can_be_read_back(store: Store) -> None:
    runs = [
        ChildRun(f"weight {n}", {"fusion": {"weight": n}}, {"selection/uap": n / 10, "threshold_at_p90": None}, {"a": "b"})
        for n in range(3)
    ]  # fmt: skip
    with tracked_run(store, "many", "parent", {}) as parent:
        assert log_children(parent, "many", runs) == 3
    found = child_runs(parent)
    assert sorted(run.params["fusion.weight"] for run in found) == ["0", "1", "2"]
    assert sorted(run.metrics["selection/uap"] for run in found) == [0.0, 0.1, 0.2]
    read = store.client().search_runs([store.experiment_id("many")])
    (child,) = [run for run in read if run.info.run_name == "weight 1"]
    assert (child.info.status, child.data.tags["a"]) == ("FINISHED", "b")
    assert child.data.tags["threshold_at_p90"] == "never reached"
    with tracked_run(store, "many", "parent", {}) as parent, pytest.raises(ValueError, match="unknown metric"):
        log_children(parent, "many", [ChildRun("x", {}, {"upa": 1.0})])
