"""`train/esvit.py` killed without warning, and the same command again: one MLflow run, the weights of an undisturbed one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from experiments import ROOT

from imgfp.apps.esvit import run_training
from imgfp.tracking import open_store

EPOCHS = 8  # of a second or less: some are over and some to come when it is killed


def test_a_killed_training_ends_with_the_weights_of_an_undisturbed_one(
    composed, training_disc: Path, quick: list[str], tmp_path: Path, capsys
) -> None:
    settings = [
        "+experiment=mini_efficientnet",
        *quick,
        "network.architecture=test_efficientnet",
        "network.pretrained=false",
        "network.dim=4",
        f"epochs={EPOCHS}",
        "size=32",
        "trainer.ema=0.9",
        "loss.memory=64",
        "pairs.negatives=2",
        "pairs.hard_negatives=1",
        "validation.every_n_epochs=4",
        f"data.root={training_disc}",
    ]
    folders = {"paths.work": "killed", "paths.mlruns": "mlruns", "hydra.run.dir": "hydra"}
    command = [sys.executable, str(ROOT / "train" / "esvit.py"), *settings]
    command += [f"{key}={tmp_path / name}" for key, name in folders.items()]
    environment = os.environ | {"IMGFP_THREADS": "1"}

    begun = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    started = time.monotonic()
    while not list((tmp_path / "killed").glob("*/last.ckpt")):
        assert begun.poll() is None, "it ended before its first checkpoint"
        assert time.monotonic() - started < 300, "no checkpoint after five minutes"
        time.sleep(0.01)
    begun.send_signal(signal.SIGKILL)
    begun.wait()
    (folder,) = (tmp_path / "killed").iterdir()
    assert not (folder / f"epoch-{EPOCHS:03d}.safetensors").exists(), "killed too late to test anything"

    again = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert f"resuming from {folder / 'last.ckpt'}" in again.stderr
    whole = run_training(composed("esvit", *settings, f"paths.work={tmp_path / 'whole'}"), "whole")
    name = f"epoch-{EPOCHS:03d}.safetensors"
    assert (folder / name).read_bytes() == (whole.folder / name).read_bytes()

    client = open_store(tmp_path / "mlruns").client()
    (experiment,) = client.search_experiments(filter_string="name = 'esvit'")
    runs = client.search_runs([experiment.experiment_id], filter_string="tags.experiment = 'mini_efficientnet'")
    assert [run.info.status for run in runs] == ["FINISHED"]  # started once, then resumed
    models = client.search_logged_models([experiment.experiment_id], f"source_run_id = '{runs[0].info.run_id}'")
    assert {model.name for model in models} == {"epoch-000", "epoch-004", "epoch-008"}
    assert all({"uap", "recall_at_1"} <= {metric.key for metric in model.metrics} for model in models)

    capsys.readouterr()
    done = run_training(composed("esvit", *settings, f"paths.work={tmp_path / 'killed'}"), "mini_efficientnet")
    assert (done.folder, done.epochs) == (folder, EPOCHS)
    assert "already finished; use resume=false to retrain" in capsys.readouterr().err
