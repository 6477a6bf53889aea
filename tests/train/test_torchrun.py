"""`torchrun train/esvit.py trainer=ddp`: two processes, broken photographs in both of their shares, one MLflow run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from experiments import ROOT

from imgfp.tracking import open_store


def test_torchrun_trains_and_reports_the_failures_of_all_processes(
    training_disc: Path, quick: list[str], tmp_path: Path
) -> None:
    root = tmp_path / "set"
    shutil.copytree(training_disc, root)
    broken = sorted((root / "training_images").iterdir())[2:5]
    for path in broken:
        path.write_bytes(b"not an image")
    folders = {"paths.work": "work", "paths.mlruns": "mlruns", "hydra.run.dir": "hydra", "data.root": "set"}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node=2",
            ROOT / "train" / "esvit.py",
        ]
        + ["+experiment=mini_efficientnet", *quick, "trainer=ddp", "trainer.accelerator=cpu", "trainer.precision=fp32"]
        + ["network.architecture=test_efficientnet", "network.dim=3", "epochs=2", "size=32", "pairs.batch=1"]
        + [f"{key}={tmp_path / name}" for key, name in folders.items()],
        env=os.environ | {"IMGFP_THREADS": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "deprecated" not in done.stderr
    (folder,) = [path for path in (tmp_path / "work").iterdir() if path.is_dir()]
    listed = (folder / "failures.csv").read_text()
    assert all(str(path) in listed for path in broken)
    client = open_store(tmp_path / "mlruns").client()
    (experiment,) = client.search_experiments(filter_string="name = 'esvit'")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.metrics["failed_images"] == 3
