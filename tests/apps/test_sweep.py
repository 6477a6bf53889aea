"""Jobs of a sweep: bad input and defects of one are no exit of the others, and the parent tells of them."""

import multiprocessing
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from imgfp.apps.job import Job
from imgfp.apps.sweep import FOLDER, KEY, SKIPPED, Outcome, SweepStart, outcomes, tell_sweep
from imgfp.errors import InputError

COMMON = ["data.root=/set", "seed=1,2"]


def task(config: DictConfig) -> int:
    if config.seed == 13:
        raise InputError("seed=13: give another")
    if config.seed == 14:
        raise ZeroDivisionError("a defect")
    return int(config.get("code", 0))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs jobs as a launcher would, one after another."""
    (tmp_path / "multirun.yaml").write_text(OmegaConf.to_yaml({"hydra": {"overrides": {"task": COMMON}}}))
    job = Job(task, "app.py", tmp_path)

    def sweep(*configs: dict[str, object]) -> list[Outcome]:
        for number, config in enumerate(configs):
            own = SimpleNamespace(
                mode=RunMode.MULTIRUN,
                job=SimpleNamespace(num=number),
                sweep=SimpleNamespace(dir=str(tmp_path)),
                overrides=SimpleNamespace(task=["data.root=/set", f"seed={config['seed']}"]),
                runtime=SimpleNamespace(output_dir=str(tmp_path / str(number))),
            )
            monkeypatch.setattr("imgfp.apps.job.HydraConfig", SimpleNamespace(get=lambda own=own: own))
            job(OmegaConf.create(config))
        return outcomes(tmp_path)

    return sweep


def test_one_job_fails_and_the_others_continue(run, tmp_path: Path, capsys) -> None:
    found = run({"seed": 1}, {"seed": 13}, {"seed": 14}, {"seed": 2, "code": 3})
    assert found == [
        Outcome(0, "seed=1", 0, ""),
        Outcome(1, "seed=13", 2, "seed=13: give another"),
        Outcome(2, "seed=14", 1, "ZeroDivisionError: a defect"),
        Outcome(3, "seed=2", 3, ""),
    ]
    printed = capsys.readouterr().err
    assert "job 0: seed=1\n" in printed
    assert "app.py: job 1: seed=13: give another\n" in printed
    assert "Traceback" in printed, "a defect shows where"
    assert tell_sweep("app.py", tmp_path, 0) == 1
    assert capsys.readouterr().err.splitlines() == [
        "app.py: 2 of 4 jobs failed:",
        "  job 1 (seed=13): seed=13: give another",
        "  job 2 (seed=14): ZeroDivisionError: a defect",
        "app.py: rerun the same command to resume unfinished jobs",
    ]


@pytest.mark.parametrize(
    ("configs", "code", "lines"),
    [
        ([{"seed": 1}, {"seed": 2}], 0, 0),
        ([{"seed": 1, "code": 3}, {"seed": 2}], 3, 0),
        ([{"seed": 13}, {"seed": 2, "code": 3}], 2, 3),
    ],
)
def test_the_worst_code_is_the_sweeps(run, tmp_path: Path, capsys, configs, code: int, lines: int) -> None:
    run(*configs)
    capsys.readouterr()
    assert tell_sweep("app.py", tmp_path, 0) == code
    assert len(capsys.readouterr().err.splitlines()) == lines


def test_an_interrupted_sweep_says_how_to_resume(run, tmp_path: Path, capsys) -> None:
    run({"seed": 1})
    capsys.readouterr()
    assert tell_sweep("app.py", tmp_path, 1) == 1
    assert capsys.readouterr().err == "app.py: rerun the same command to resume unfinished jobs\n"


def test_fail_fast_starts_nothing_after_a_failure(run) -> None:
    found = run(*({"seed": seed, "fail_fast": True} for seed in (1, 13, 2)))
    assert [outcome.code for outcome in found] == [0, 2, SKIPPED]
    assert found[2].said == "skipped: an earlier job failed"


def test_a_job_that_arrives_in_another_process_finds_the_repository(tmp_path: Path, monkeypatch) -> None:
    state = Job(task, "app.py", tmp_path).__dict__
    OmegaConf.clear_resolver("repo")
    started = []
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda allow_none: "loky")
    monkeypatch.setattr(multiprocessing, "set_start_method", lambda method, force: started.append((method, force)))
    Job.__new__(Job).__setstate__(state)
    assert OmegaConf.create({"a": "${repo:x}"}).a == str(tmp_path / "x")
    assert started == [(None, True)], "processes started by a worker of joblib do not know its method"


@pytest.mark.parametrize(
    ("launcher", "threads"),
    [
        ({"_target_": "x.BasicLauncher"}, "8"),
        ({"_target_": "x.JoblibLauncher", "n_jobs": 1}, "8"),
        ({"_target_": "x.JoblibLauncher", "n_jobs": 2}, "4"),
        ({"_target_": "x.JoblibLauncher", "n_jobs": -1}, "1"),
        ({"_target_": "x.JoblibLauncher", "n_jobs": 5}, "1"),
        ({"_target_": "x.LocalLauncher"}, "1"),
        ({"_target_": "x.SlurmLauncher"}, "8"),
    ],
)
def test_jobs_at_once_share_the_processors(tmp_path: Path, monkeypatch, launcher: dict, threads: str) -> None:
    """Six jobs on eight processors."""
    for name in (KEY, FOLDER):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("IMGFP_THREADS", "8")
    Outcome(0, "", 2, "of an earlier sweep").write(tmp_path / "0")

    def started(*overrides: str) -> str:
        own = {"sweep": {"dir": str(tmp_path)}, "overrides": {"task": list(overrides)}, "launcher": launcher}
        SweepStart().on_multirun_start(OmegaConf.create({"hydra": own}))
        return os.environ[KEY]

    key = started("seed=1,2,3", "loss=a,b")
    assert os.environ["IMGFP_THREADS"] == threads
    assert os.environ[FOLDER] == str(tmp_path)
    assert outcomes(tmp_path) == []
    assert started("loss=a,b", "seed=1,2,3") == key != started("loss=a,b", "seed=1,2")
