"""Two processes, started by `trainer.devices=2` and by torchrun: failures in both of their shares, one MLflow run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from experiments import ROOT

from imgfp.apps.esvit import run_training
from imgfp.tracking import open_store


def test_several_processes_train_and_report_the_failures_of_all(
    composed, training_disc: Path, quick: list[str], tmp_path: Path, capfd
) -> None:
    root = tmp_path / "set"
    shutil.copytree(training_disc, root)
    broken = sorted((root / "training_images").iterdir())[2:5]
    for path in broken:
        path.write_bytes(b"not an image")
    settings = ["+experiment=mini_efficientnet", *quick, "trainer.devices=2", f"data.root={root}"]
    settings += [
        "network.architecture=test_efficientnet",
        "network.pretrained=false",
        "network.dim=3",
        "epochs=2",
        "size=32",
        "pairs.batch=1",
    ]
    done = run_training(composed("esvit", *settings), "mini_efficientnet")
    said = capfd.readouterr().err
    assert "Traceback" not in said
    assert said.count("torch synchronises it on GPUs only") == 1
    assert (done.epochs, {failure.path for failure in done.failures}) == (2, set(broken))
    listed = (done.folder / "failures.csv").read_text()
    assert all(str(path) in listed for path in broken)
    client = open_store(tmp_path / "mlruns").client()
    (experiment,) = client.search_experiments(filter_string="name = 'esvit'")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.metrics["failed_images"] == 3

    # torchrun's processes are the same training
    folders = {"paths.work": "work", "paths.mlruns": "mlruns", "hydra.run.dir": "hydra"}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    again = subprocess.run(
        [*torchrun, ROOT / "train" / "esvit.py", *settings]
        + [f"{key}={tmp_path / name}" for key, name in folders.items()],
        env=os.environ | {"IMGFP_THREADS": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert again.returncode == 0, again.stderr
    assert "Traceback" not in again.stderr
    assert "deprecated" not in again.stderr
    assert f"{done.folder}: already finished" in again.stderr
