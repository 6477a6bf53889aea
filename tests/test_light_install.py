"""`pip install .` alone: every command but `demo` runs on the base dependencies, and `demo` names the extra that it needs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).with_name("light_install.py")
TRAINING = {"hydra", "mlflow", "omegaconf", "optuna", "pytorch_lightning", "pytorch_metric_learning"}


@pytest.fixture
def folders(tmp_path) -> dict[str, Path]:
    """Two references of smooth noise, and a part of the first as query."""
    rng = np.random.default_rng(0)
    folders = {name: tmp_path / name for name in ("queries", "references", "out")}
    for name in ("queries", "references"):
        folders[name].mkdir()
    for number in range(2):
        small = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        image = Image.fromarray(small).resize((200, 150), Image.Resampling.BICUBIC)
        image.save(folders["references"] / f"r{number}.png")
        if number == 0:
            image.crop((20, 10, 180, 140)).save(folders["queries"] / "q.png")
    return folders


def test_every_command_but_demo_runs_without_the_extras(folders, tmp_path) -> None:
    queries, references, out = folders.values()
    truth = tmp_path / "truth.csv"
    truth.write_text("query_id,reference_id\nq,r0\n")
    commands = [
        ["--help"],
        ["find", queries, references, "--out", out / "found"],
        ["index", references, "--out", out / "index"],
        ["search", out / "index", queries, "--out", out / "searched"],
        ["duplicates", references, "--out", out / "duplicates"],
        ["evaluate", out / "found" / "predictions.csv", truth],
        ["crop", queries, out / "crops"],
        ["sift", queries, "--out", out / "query_features"],
        ["sift", references, "--out", out / "reference_features"],
        ["vote", out / "query_features", out / "reference_features", "--out", out / "local.txt"],
        ["describe", queries, references, "--out", out / "descriptors.h5"],
        ["topk", out / "descriptors.h5", "--out", out / "global.txt"],
        ["score", out / "local.txt", out / "query_features", out / "reference_features", "--out", out / "scores.txt"],
        ["merge", out / "global.txt", out / "scores.txt", "--out", out / "final.txt"],
        ["demo", "--out", out / "demo"],
        ["demo", "--data", tmp_path, "--out", out / "demo"],
    ]
    done = subprocess.run(
        [sys.executable, SCRIPT],
        input=json.dumps([[str(word) for word in command] for command in commands]),
        env={**os.environ, "IMGFP_THREADS": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert set(answer["hidden"]) >= TRAINING, "nothing was tested: these are not hidden"
    assert answer["loaded"] == []
    for command, (code, _, errors) in zip(commands[:-2], answer["said"], strict=False):
        assert code == 0, f"{command[0]}: {errors}"
    assert (out / "found" / "predictions.csv").read_text().splitlines()[1].startswith("q,r0,")
    demo, demo_with_data = answer["said"][-2:]
    assert demo == [2, "", "imgfp demo: mlflow not installed: run pip install 'imgfp[demo]'\n"]
    assert demo_with_data == [2, "", "imgfp demo: mlflow not installed: run pip install 'imgfp[train]'\n"]
    assert not (out / "demo").exists()
