"""Two processes that train one network (gloo): the steps of one process with the same images."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from imgfp.encoders import NetworkConfig, create_network
from imgfp.errors import InputError
from imgfp.learning.config import AdamWConfig, TrainerConfig
from imgfp.learning.distributed import call_in_processes, join_processes, process_of, processes_to_start

SCRIPT = Path(__file__).with_name("two_processes.py")


def run(*command: object) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    }
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        env=environment | {"OMP_NUM_THREADS": "1", "IMGFP_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done


def test_two_processes_make_the_steps_of_one_with_all_the_images(
    synthetic_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    together = run(*torchrun, SCRIPT, synthetic_set, tmp_path / "two", 2)
    assert "2 processes, 1 epochs, 2 batches per epoch each" in together.stdout
    assert together.stderr.count("torch synchronises it on GPUs only") == 1
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(synthetic_set), str(tmp_path / "one"), "4"])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    assert "1 processes, 1 epochs, 2 batches per epoch each" in capsys.readouterr().out
    two, one = (load_file(tmp_path / name / "epoch-001.safetensors") for name in ("two", "one"))
    torch.manual_seed(0)  # as in the recipe
    start = create_network(NetworkConfig("test_vit", dim=8)).state_dict()
    assert any(not torch.equal(start[name], two[name]) for name in start)
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-4, atol=1e-6, msg=name)


def test_one_line_error_for_several_processes_without_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    with pytest.raises(InputError, match=r"start the processes by torchrun --nproc-per-node=N train/esvit.py"):
        join_processes(TrainerConfig(distributed=True))


def test_alone_it_is_the_first_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert process_of(TrainerConfig()) == (0, 1)
    assert process_of(TrainerConfig(distributed=True)) == (3, 4)


def test_an_error_of_a_started_process_is_that_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert processes_to_start(TrainerConfig(devices=2)) == 2
    assert processes_to_start(TrainerConfig(devices="auto")) == 1, "of a CPU"
    with pytest.raises(InputError, match=r"^optimizer\.lr=-1\.0: must be > 0$"):
        call_in_processes(2, AdamWConfig, -1.0)


def test_torchrun_and_devices_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert processes_to_start(TrainerConfig(devices=2)) == 1, "it is one of them"
    with pytest.raises(InputError, match=r"^trainer\.devices=2, but torchrun started 4 processes: leave it out$"):
        join_processes(TrainerConfig(devices=2))
