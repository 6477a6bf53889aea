"""The folder of a training: found again, refused where it is damaged, moved aside where training restarts; and its run."""

from pathlib import Path

import pytest

from imgfp.errors import InputError
from imgfp.images import Failure, write_failures
from imgfp.studies.training_run import RunFolder, TrackedRecorder
from imgfp.tracking import Store, open_store, tracked_run


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return open_store(tmp_path_factory.mktemp("store") / "mlruns")


def test_one_line_error_for_a_damaged_state_that_may_be_moved_aside(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "work" / "mini-0"
    RunFolder.open(path, "a" * 8, True, store).note(finished={"epochs": 1, "stopped_early": False})
    for damage in ('{"data_hash": "aaa', "", "7", "\udcff".encode("utf-8", "surrogateescape").decode("latin-1")):
        (path / "run.json").write_text(damage, encoding="latin-1")
        with pytest.raises(InputError) as caught:
            RunFolder.open(path, "a" * 8, True, store)
        assert str(caught.value) == (
            f"{path / 'run.json'}: damaged, it does not record how far this training is: delete it to resume in a new "
            "MLflow run, or start afresh with resume=false"
        )
    folder = RunFolder.open(path, "a" * 8, False, store)
    assert (folder.begun, folder.finished) == (False, None)
    assert (tmp_path / "work" / "mini-0.before-1" / "run.json").exists()


def test_a_finished_training_still_reports_failures(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "work" / "mini-0"
    RunFolder.open(path, "a" * 8, True, store).note(finished={"epochs": 1, "stopped_early": False})
    left_out = (Failure(tmp_path / "a, b.jpg", 'said "no"'),)
    write_failures(path / "failures.csv", left_out)
    done = RunFolder.open(path, "a" * 8, True, store).finished
    assert done is not None
    assert done.failures == left_out


def test_a_run_shows_its_best_checkpoint_and_not_its_last(store: Store, tmp_path: Path) -> None:
    def figures(uap: float, threshold: float | None) -> dict[str, float | None]:
        return {"uap": uap, "recall_at_1": uap + 0.1, "normalised/uap": uap / 2, "threshold_at_p90": threshold}

    validated = [figures(0.3, 0.7), figures(0.5, None), figures(0.2, 0.8)]
    folder = tmp_path / "mini.v2-0"
    folder.mkdir()
    with tracked_run(store, "trainings", "mini", {}) as run:
        recorder = TrackedRecorder(run, {}, ("isc-mini", "abc"))
        recorder.environment({"device": "cpu"})
        recorder.baseline(figures(0.9, 0.9))
        for number, found in enumerate(validated):
            weights = folder / f"epoch-{number + 1:03d}.safetensors"
            weights.write_bytes(b"")
            weights.with_suffix(".json").write_text("{}")
            recorder.checkpoint(weights, weights.with_suffix(".json"), found, number + 1, 10 * (number + 1))
            best = min(number, 1)
            recorder.best(validated[best], best + 1, 10 * (number + 1))
        recorder.finished(validated[1])
    shown = store.client().get_run(run.run_id).data
    assert {name: shown.metrics[name] for name in ("uap", "recall_at_1", "normalised/uap")} == {
        name: validated[1][name] for name in ("uap", "recall_at_1", "normalised/uap")
    }
    assert "threshold_at_p90" not in shown.metrics, "the best never reached it, whatever another did"
    assert (shown.metrics["best/uap"], shown.metrics["best/epoch"], shown.metrics["baseline/uap"]) == (0.5, 2, 0.9)
    curve = store.client().get_metric_history(run.run_id, "validation/uap")
    assert [(point.step, point.value) for point in curve] == [(10, 0.3), (20, 0.5), (30, 0.2)]
    experiment = store.client().get_run(run.run_id).info.experiment_id
    models = store.client().search_logged_models([experiment])
    own = {model.name: {metric.key: metric.value for metric in model.metrics}["uap"] for model in models}
    assert own == {"mini_v2-0 epoch 1": 0.3, "mini_v2-0 epoch 2": 0.5, "mini_v2-0 epoch 3": 0.2}
    assert shown.tags["device"] == "cpu"
