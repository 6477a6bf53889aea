"""`train/esvit.py` started twice, killed without warning, and resumed: one process at a time, no worker left, one MLflow run,
and the weights of an undisturbed training."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from experiments import ROOT

from imgfp.apps.esvit import run_training
from imgfp.errors import InputError
from imgfp.tracking import open_store

EPOCHS = 8  # of a second or less: some are over and some to come when it is killed


def running(group: int) -> int:
    """The processes of a group that have not ended, whoever their parent is."""
    count = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group, *_ = path.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        count += int(its_group) == group and state not in "ZX"
    return count


def waited(condition, seconds: float = 300) -> None:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"not after {seconds} seconds"
        time.sleep(0.01)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")
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

    same = composed("esvit", *settings, *(f"{key}={tmp_path / folders[key]}" for key in ("paths.work", "paths.mlruns")))

    begun = subprocess.Popen(
        [*command, "pairs.workers=2"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        waited(lambda: list((tmp_path / "killed").glob("*/last.ckpt")) or begun.poll() is not None)
        assert begun.poll() is None, "it ended before its first checkpoint"
        holder = f"(process {begun.pid} on {socket.gethostname()} since "
        with pytest.raises(
            InputError, match=rf"this training is running already {re.escape(holder)}.*: wait for it, or"
        ):
            run_training(same, "mini_efficientnet")
        assert running(begun.pid) >= 4, "itself, the fork server and two workers"
        begun.send_signal(signal.SIGKILL)
        begun.wait()
        waited(lambda: not running(begun.pid), 30)
    finally:
        with suppress(ProcessLookupError):  # where the test failed, something may be left
            os.killpg(begun.pid, signal.SIGKILL)
    (folder,) = (path for path in (tmp_path / "killed").iterdir() if path.is_dir())
    assert not (folder / f"epoch-{EPOCHS:03d}.safetensors").exists(), "killed too late to test anything"

    again = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert re.search(rf"resuming +after epoch \d of {EPOCHS} from {folder / 'last.ckpt'}\n", again.stderr)
    assert again.stdout.splitlines()[-1].startswith("MLflow:  ")
    whole = run_training(composed("esvit", *settings, f"paths.work={tmp_path / 'whole'}"), "whole")
    name = f"epoch-{EPOCHS:03d}.safetensors"
    assert (folder / name).read_bytes() == (whole.folder / name).read_bytes()

    client = open_store(tmp_path / "mlruns").client()
    (experiment,) = client.search_experiments(filter_string="name = 'esvit'")
    runs = client.search_runs([experiment.experiment_id], filter_string="tags.experiment = 'mini_efficientnet'")
    assert [run.info.status for run in runs] == ["FINISHED"]  # started once, then resumed
    models = client.search_logged_models([experiment.experiment_id], f"source_run_id = '{runs[0].info.run_id}'")
    figures = {model.name: {metric.key: metric.value for metric in model.metrics} for model in models}
    assert figures.keys() == {f"{folder.name} epoch 4", f"{folder.name} epoch 8"}

    # what tables show is the best checkpoint; the curves and the untrained network have names of their own
    metrics, tags = runs[0].data.metrics, runs[0].data.tags
    for name in ("uap", "recall_at_1"):
        assert metrics[name] == metrics[f"best/{name}"] == whole.figures[name]
        assert metrics[f"validation/{name}"] == figures[f"{folder.name} epoch 8"][name]
        assert metrics[f"baseline/{name}"] == whole.baseline[name]
        curve = client.get_metric_history(runs[0].info.run_id, f"validation/{name}")
        assert [point.value for point in curve] == [figures[f"{folder.name} epoch {epoch}"][name] for epoch in (4, 8)]
    assert metrics["best/epoch"] == whole.best_epoch
    assert metrics["epoch"] == EPOCHS
    assert (tags["folder"], tags["precision"], tags["threads"]) == (str(folder), "fp32", "1")

    capsys.readouterr()
    done = run_training(same, "mini_efficientnet")
    assert (done.folder, done.epochs) == (folder, EPOCHS)
    assert "already finished; use resume=false to retrain" in capsys.readouterr().err
