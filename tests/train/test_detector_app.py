"""`train/detector.py` on a few photographs: one run in MLflow, gone on with after a stop, and bad input in one line."""

from pathlib import Path

import pytest

from imgfp.apps import detector
from imgfp.apps.sweep_job import collected
from imgfp.detection import SynthesisConfig, describe_scenes
from imgfp.detection.finders import missing_packages
from imgfp.errors import InputError
from imgfp.tracking import Parent, open_store

QUICK = [
    "sources=null",
    "scenes.size=8",
    "scenes.held_out=4",
    "scenes.longest=96",
    "epochs=[1]",
    "size=[64]",
    "batch=4",
]
needs_detector = pytest.mark.skipif(bool(missing_packages()), reason="make env DETECTOR=0 leaves the detector out")


@pytest.fixture
def app(composed, monkeypatch):
    monkeypatch.setattr(detector, "experiment_choice", lambda default: "mini")
    monkeypatch.setattr(detector, "_overrides", lambda: [])  # other tests of this process are Hydra apps too

    def run(*overrides: str, **changes: object) -> int:
        config = composed("detector", *QUICK, *overrides)
        for key, value in changes.items():  # `network` is a group of another app, whose choices this process knows too
            config[key] = value
        return detector.train_app(config)

    return run


@needs_detector
def test_a_training_is_one_run_and_resumes(app, tmp_path: Path, capsys, monkeypatch) -> None:
    from imgfp_detector import read_card, training

    keep = training._keep

    def stop(*given) -> None:
        keep(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_keep", stop)
    with pytest.raises(KeyboardInterrupt):
        app("epochs=[2]", "merge_classes=false")
    monkeypatch.setattr(training, "_keep", keep)
    assert app("epochs=[2]", "merge_classes=false") == 0
    said = capsys.readouterr()
    assert "best of 2 epochs: epoch " in said.out
    client = open_store(tmp_path / "mlruns").client()
    (experiment,) = [item for item in client.search_experiments() if item.name == "detector"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert {item.step for item in client.get_metric_history(run.info.run_id, "map50")} == {1, 2}
    assert {"map50", "map50_95", "box_precision", "box_recall", "loss", "learning_rate"} <= run.data.metrics.keys()
    images = {Path(item.path).name for item in client.list_artifacts(run.info.run_id, "images")}
    assert images == {"scenes.png", "predictions.png", "precision_recall.png"}
    (folder,) = (tmp_path / "work").glob("mini-*")
    (weights,) = folder.glob("epoch-*.safetensors")
    card = read_card(weights)
    assert (card["network"], card["size"], len(card["classes"])) == ("yolov5n", 64, 3)
    assert card["command"] == "python train/detector.py"
    assert card["scenes"] == describe_scenes(SynthesisConfig(size=8, held_out=4, longest=96))
    # found by a sweep
    monkeypatch.setattr(detector, "sweep_parent", lambda: Parent("key", "mini: seed", "seed=0", {"seed": "0"}))
    assert app("epochs=[2]", "merge_classes=false") == 0
    monkeypatch.setattr(detector, "sweep_parent", lambda: None)
    assert "already finished" in capsys.readouterr().err
    (result,) = collected()
    assert (result.run_id, result.reused, list(result.figures)) == (run.info.run_id, True, ["map50", "map50_95"])
    adopted = client.get_run(run.info.run_id)
    assert adopted.info.run_name == "seed=0"
    assert client.get_run(adopted.data.tags["mlflow.parentRunId"]).info.run_name == "mini: seed"

    (checkpoint,) = folder.glob("checkpoint-*.pt")
    checkpoint.write_bytes(b"another file")
    with pytest.raises(InputError, match=r"checkpoint-\w+\.pt: missing or changed"):
        app("epochs=[2]", "merge_classes=false")
    message = "weights for classes .*'overlay'.*, not .*'picture'"
    with pytest.raises(InputError, match=message):
        app(f"weights={weights}")


@needs_detector
def test_scenes_are_drawn_with_their_boxes(app, tmp_path: Path, capsys) -> None:
    assert app("show=3") == 0
    (sheet,) = (tmp_path / "work").glob("scenes-*.png")
    assert f"open next: {sheet}" in capsys.readouterr().out


@needs_detector
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("epochs=x", "epochs=x: must be an integer, or a list of integers, one per stage"),
        ("photographs={tmp}/none", "none: no such folder or text list"),
        ("show=-1", "show=-1: give the number of scenes, or 0 to train"),
        ("weights=gone.safetensors", "gone.safetensors: no such file: an export consists"),
        ("weights=gone.pt", "weights=gone.pt: loading a .pt file can run arbitrary code"),
        ("scenes.size=0", "size=0, held_out=4, longest=96: must be >= 1"),
    ],
)
def test_one_line_error_for_bad_input(app, tmp_path: Path, given: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        app(given.format(tmp=tmp_path))
    assert "\n" not in str(caught.value)


@needs_detector
def test_a_different_network_is_refused(app) -> None:
    with pytest.raises(InputError, match=r"^network='yolov8': must be one of yolov5n, yolov5s"):
        app(network="yolov8")


def test_without_the_extra_it_says_what_is_missing(app, monkeypatch) -> None:
    from imgfp.detection import finders

    monkeypatch.setattr(finders, "missing_packages", lambda: ["ultralytics"])
    with pytest.raises(
        InputError, match=r"^training a detector needs ultralytics: run 'make env' \(without DETECTOR=0\)$"
    ):
        app()
