"""A checkpoint in MLflow: its figures, its card, one copy on disk; and a resumed run."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from imgfp.files import hash_file
from imgfp.tracking import Store, log_checkpoint, mark_moved, mark_removed, tracked_run
from imgfp.tracking.checkpoint import HASH_TAG, PATH_TAG
from imgfp.tracking.run import ERROR_TAG


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "epoch-001.safetensors"
    path.write_bytes(b"weights")
    path.with_suffix(".json").write_text('{"size": 112}')
    return path


def test_a_checkpoint_is_found_by_its_figures(store: Store, weights: Path) -> None:
    card = weights.with_suffix(".json")
    with tracked_run(store, "checkpoints", "training", {"seed": 0}) as run:
        model_id = log_checkpoint(
            run,
            weights,
            card,
            {"loss": {"margin": 1.0}},
            {"uap": 0.3, "recall_at_1": 0.4, "threshold_at_p90": None},
            70,
            ("isc-mini", "abc" * 20),
        )
    model = store.client().get_logged_model(model_id)
    assert (model.name, str(model.status), model.source_run_id) == ("epoch-001", "READY", run.run_id)
    assert {(item.key, item.value, item.step) for item in model.metrics} == {("uap", 0.3, 70), ("recall_at_1", 0.4, 70)}
    assert {(item.dataset_name, item.dataset_digest) for item in model.metrics} == {("isc-mini", "abc" * 12)}, (
        "of MLflow's length"
    )
    assert model.params == {"loss.margin": "1.0"}
    assert model.tags[PATH_TAG] == str(weights)
    assert model.tags[HASH_TAG] == hash_file(weights), "a card without sha256"
    assert store.client().get_run(run.run_id).data.metrics == {"uap": 0.3, "recall_at_1": 0.4}
    artifacts = Path(unquote(urlsplit(model.artifact_location).path))
    assert [path.name for path in artifacts.rglob("*") if path.is_file()] == ["epoch-001.json"]  # weights not copied


def test_logged_twice_it_is_one_and_a_removed_one_says_so(store: Store, weights: Path) -> None:
    card = weights.with_suffix(".json")
    with tracked_run(store, "checkpoints", "again", {}) as run:
        first = log_checkpoint(run, weights, card, {}, {"uap": 0.1}, 1)
        assert log_checkpoint(run, weights, card, {}, {"uap": 0.1}, 1) == first
        mark_removed(run, weights, "not among the best 3")
    assert store.client().get_logged_model(first).tags[PATH_TAG] == "removed: not among the best 3"


def test_a_moved_checkpoint_says_where_it_is(store: Store, tmp_path: Path) -> None:
    old, new = tmp_path / "mini-0", tmp_path / "mini-0.before-1"
    made, beside = old / "epoch-001.safetensors", tmp_path / "mini-01" / "epoch-001.safetensors"
    gone = old / "epoch-000.safetensors"
    for path in (made, beside, gone):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"weights")
        path.with_suffix(".json").write_text("{}")

    def tags(run_id: str) -> set[str]:
        experiment = store.client().get_run(run_id).info.experiment_id
        models = store.client().search_logged_models([experiment], filter_string=f"source_run_id = '{run_id}'")
        return {model.tags[PATH_TAG] for model in models}

    runs = []
    for name in ("moved", "another"):
        with tracked_run(store, "checkpoints", name, {}) as run:
            for path in (made, beside, gone):
                log_checkpoint(run, path, made.with_suffix(".json"), {}, {"uap": 0.1}, 1)
            mark_removed(run, gone, "worse")
            runs.append(run.run_id)
    old.rename(new)
    mark_moved(store, runs[0], old, new)
    assert tags(runs[0]) == {str(new / "epoch-001.safetensors"), str(beside), "removed: worse"}
    assert tags(runs[1]) == {str(made), str(beside), "removed: worse"}, "the other run is left alone"


def test_an_unknown_metric_is_refused_before_anything_is_written(store: Store, weights: Path) -> None:
    with (
        tracked_run(store, "checkpoints", "misspelt", {}) as run,
        pytest.raises(ValueError, match="did you mean 'uap'"),
    ):
        log_checkpoint(run, weights, weights.with_suffix(".json"), {}, {"uapp": 0.1}, 1)
    experiment = store.client().get_run(run.run_id).info.experiment_id
    found = store.client().search_logged_models([experiment], filter_string=f"source_run_id = '{run.run_id}'")
    assert list(found) == []


def test_a_run_resumes(store: Store) -> None:
    started = tracked_run(store, "resumed", "begun", {"seed": 3})
    run = started.__enter__()
    run.log_metrics({"loss": 2.0}, 1)
    started.__exit__(RuntimeError, RuntimeError("power cut"), None)
    assert store.client().get_run(run.run_id).info.status == "FAILED"
    assert store.has_run(run.run_id)
    assert not store.has_run("0" * 32)
    with tracked_run(store, "resumed", "other name", {"seed": 3}, tags={"more": "yes"}, resume=run.run_id) as again:
        assert again.run_id == run.run_id
        assert store.client().get_run(run.run_id).info.status == "RUNNING"
        again.log_metrics({"loss": 1.0}, 2)
    read = store.client().get_run(run.run_id)
    assert (read.info.status, read.info.run_name, read.data.params) == ("FINISHED", "begun", {"seed": "3"})
    assert ERROR_TAG not in read.data.tags
    assert (read.data.metrics["loss"], read.data.tags["more"]) == (1.0, "yes")
    assert [item.value for item in store.client().get_metric_history(run.run_id, "loss")] == [2.0, 1.0]
