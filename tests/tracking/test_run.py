"""What a run holds, read back through MLflow's own client; and how runs end."""

import json
from pathlib import Path

import pytest

from imgfp.tracking import Store, tracked_run
from imgfp.tracking.run import ERROR_TAG


def test_everything_logged_can_be_read_back(store: Store, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("<p>fine</p>")
    images = tmp_path / "drawn"
    images.mkdir()
    (images / "curve.png").write_bytes(b"png")
    config = {"index": {"k": 5}, "many": {f"key{number}": number for number in range(250)}}

    with tracked_run(store, "whole", "a run", config, "index:\n  k: 5\n", {"stage": "fusion"}) as run:
        run.log_metrics({"uap": 0.75, "merged/recall_at_p90": None, "images_per_second": 21})
        run.log_dataset("isc-mini", tmp_path, "0123456789abcdef" * 4, queries=200, references=1000)
        run.log_artifact(tmp_path / "report.html", "reports")
        run.log_images(images)

    client = store.client()
    read = client.get_run(run.run_id)
    assert (read.info.status, read.info.run_name) == ("FINISHED", "a run")
    assert read.data.params["index.k"] == "5"
    assert len(read.data.params) == 251
    assert read.data.metrics == {"uap": 0.75, "images_per_second": 21.0}
    assert read.data.tags["merged/recall_at_p90"] == "never reached"
    assert read.data.tags["stage"] == "fusion"
    (data,) = read.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest) == ("isc-mini", "0123456789abcdef" * 2 + "0123")
    assert json.loads(data.dataset.profile) == {"num_queries": 200, "num_references": 1000}
    assert json.loads(data.dataset.source) == {"uri": str(tmp_path)}
    assert [(tag.key, tag.value) for tag in data.tags] == [("mlflow.data.context", "evaluation")]
    assert {item.path for item in client.list_artifacts(run.run_id)} == {"config.yaml", "reports", "images"}
    assert Path(client.download_artifacts(run.run_id, "config.yaml")).read_text() == "index:\n  k: 5\n"
    assert Path(client.download_artifacts(run.run_id, "reports/report.html")).read_text() == "<p>fine</p>"
    assert Path(client.download_artifacts(run.run_id, "images/curve.png")).read_bytes() == b"png"


@pytest.mark.parametrize(("error", "status"), [(RuntimeError("disk full"), "FAILED"), (KeyboardInterrupt(), "KILLED")])
def test_an_exception_marks_the_run_and_propagates(store: Store, error: BaseException, status: str) -> None:
    with pytest.raises(type(error)), tracked_run(store, "ends", "bad", {}) as run:
        raise error
    read = store.client().get_run(run.run_id)
    assert read.info.status == status
    assert read.info.end_time is not None
    assert read.data.tags.get(ERROR_TAG) == ("RuntimeError: disk full" if status == "FAILED" else None)


def test_a_wrong_metric_name_fails_the_run(store: Store) -> None:
    with (
        pytest.raises(ValueError, match="did you mean 'recall_at_1'"),
        tracked_run(store, "ends", "typo", {}) as run,
    ):
        run.log_metrics({"uap": 0.5, "recall_1": 0.5})
    read = store.client().get_run(run.run_id)
    assert (read.info.status, read.data.metrics) == ("FAILED", {})


def test_a_bad_configuration_leaves_no_run(store: Store) -> None:
    with (
        pytest.raises(ValueError, match="map to the param"),
        tracked_run(store, "bare", "x", {"a b": 1, "a?b": 1, "a@b": 1}),
    ):
        pass
    assert store.client().get_experiment_by_name("bare") is None


def test_runs_may_be_nested(store: Store) -> None:
    with (
        tracked_run(store, "nested", "outer", {}) as outer,
        tracked_run(store, "nested", "inner", {}, parent=outer.run_id) as inner,
    ):
        inner.log_metrics({"uap": 0.1})
        outer.log_metrics({"uap": 0.2})
    client = store.client()
    assert client.get_run(inner.run_id).data.metrics == {"uap": 0.1}
    assert client.get_run(outer.run_id).data.metrics == {"uap": 0.2}
    assert client.get_run(inner.run_id).data.tags["mlflow.parentRunId"] == outer.run_id
    assert client.get_run(outer.run_id).info.status == "FINISHED"


def test_a_child_does_not_end_a_running_parent(store: Store) -> None:
    with tracked_run(store, "nested", "outer", {}) as outer:
        with tracked_run(store, "nested", "inner", {}, parent=outer.run_id):
            pass
        assert store.client().get_run(outer.run_id).info.status == "RUNNING"
