"""Jobs of a sweep: bad input and defects of one are no exit of the others, and the end tells of all of them."""

import multiprocessing
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from imgfp.apps.job import Job
from imgfp.apps.sweep import FOLDER, KEY, SKIPPED, Outcome, Result, SweepStart, outcomes
from imgfp.apps.sweep_end import tell_sweep
from imgfp.apps.sweep_job import hand_over
from imgfp.apps.sweep_plan import SweepPlan, settings_text
from imgfp.errors import InputError
from imgfp.tracking import Parent


def task(config: DictConfig) -> int:
    if uap := config.get("uap"):
        sweep = Parent("key", "title", "", {"seed": str(config.seed)})
        hand_over(
            sweep,
            config.get("run_id"),
            {"uap": uap, "recall_at_1": None, "threshold_at_p90": 1.0},
            config.get("reused", False),
        )
    if config.seed == 13:
        raise InputError("seed=13: give another")
    if config.seed == 14:
        raise ZeroDivisionError("a defect")
    return int(config.get("code", 0))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs jobs as a launcher would, one after another."""
    job = Job(task, "app.py", tmp_path)

    def sweep(*configs: dict[str, object], more: tuple[dict[str, str], ...] = ()) -> list[Outcome]:
        jobs = (*({"seed": str(config["seed"])} for config in configs), *more)
        SweepPlan("key", "app: seed", ("seed",), jobs, "python app.py seed=1,2 -m").write(tmp_path)
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


def test_a_job_that_never_ended_is_no_success(run, tmp_path: Path, capsys) -> None:
    run({"seed": 1}, more=({"seed": "2"},))
    capsys.readouterr()
    assert tell_sweep("app.py", tmp_path, 0) == 1
    assert capsys.readouterr().err.splitlines() == [
        "app.py: 1 of 2 jobs have not ended",
        "app.py: rerun the same command to resume unfinished jobs",
    ]


def test_an_interrupted_sweep_says_how_to_resume(run, tmp_path: Path, capsys) -> None:
    run({"seed": 1})
    capsys.readouterr()
    assert tell_sweep("app.py", tmp_path, 1) == 1
    assert capsys.readouterr().err == "app.py: rerun the same command to resume unfinished jobs\n"


def test_fail_fast_starts_nothing_after_a_failure(run) -> None:
    found = run(*({"seed": seed, "fail_fast": True} for seed in (1, 13, 2)))
    assert [outcome.code for outcome in found] == [0, 2, SKIPPED]
    assert found[2].said == "skipped: an earlier job failed"


def test_the_table_has_a_row_per_job_the_best_first(run, tmp_path: Path, capsys) -> None:
    found = run(
        {"seed": 1, "uap": 0.5, "reused": True},
        {"seed": 13, "fail_fast": True},
        {"seed": 2, "uap": 0.75},
        {"seed": 3, "fail_fast": True},
        more=({"seed": "4"},),
    )
    assert found[2].results == (Result({"seed": "2"}, None, {"uap": 0.75, "recall_at_1": None}),)
    assert list(found[2].results[0].figures) == ["uap", "recall_at_1"], "the order survives the file"
    capsys.readouterr()
    assert tell_sweep("app.py", tmp_path, 0) == 1, "a job that should have run has not"
    said = capsys.readouterr()
    assert "app.py: 1 of 5 jobs have not ended" in said.err.splitlines()
    assert said.out.splitlines() == [
        "",
        "app: seed: 5 jobs: 1 reused, 1 failed, 1 finished, 1 skipped, 1 not run",
        "  seed     uAP  recall@1  state",
        "  2     0.7500         -  finished  best",
        "  1     0.5000         -  reused",
        "  13         -         -  failed",
        "  3          -         -  skipped",
        "  4          -         -  not run",
    ]


def test_a_store_that_is_gone_hides_no_result(run, tmp_path: Path, capsys) -> None:
    gone = tmp_path / "mlruns"
    gone.write_text("a file")
    place = {"paths": {"mlruns": str(gone)}, "tracking": {"experiment": "x"}}
    run({"seed": 1, "uap": 0.5, "run_id": "r", **place}, {"seed": 13, **place})
    assert "the sweep's parent run could not be updated: InputError: " in capsys.readouterr().err
    assert tell_sweep("app.py", tmp_path, 0) == 2
    said = capsys.readouterr()
    assert "  1     0.5000         -  finished  best" in said.out.splitlines()
    assert "no link to MLflow: InputError: " in said.err
    assert "  job 1 (seed=13): seed=13: give another" in said.err.splitlines()


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

    SweepStart().on_multirun_start(composed(tmp_path, "seed=1,2,3", "loss=a,b", launcher=launcher))
    assert os.environ["IMGFP_THREADS"] == threads
    assert os.environ[FOLDER] == str(tmp_path)
    assert os.environ[KEY] == SweepPlan.read(tmp_path).key
    assert outcomes(tmp_path) == []


def composed(folder: Path, *overrides: str, experiment: str | None = None, **own: object) -> DictConfig:
    """What Hydra hands to its callbacks."""
    own = {
        "sweep": {"dir": str(folder)},
        "overrides": {"task": list(overrides)},
        "runtime": {"choices": {"experiment": experiment}},
        "job": {"name": "app"},
        **own,
    }
    return OmegaConf.create({"hydra": own, "data": {"root": "/set"}})


def test_a_sweep_is_known_by_what_it_varies_not_by_the_values(tmp_path: Path) -> None:
    def plan(*overrides: str, program: str = "app.py", **own: object) -> SweepPlan:
        return SweepPlan.of(Path("/somewhere/evaluate") / program, composed(tmp_path, *overrides, **own))

    one = plan("seed=1,2", "+loss=a,b", "size=32", experiment="mini")
    assert one.title == "mini: seed x loss"
    assert one.keys == ("seed", "loss")
    assert one.jobs[:2] == ({"seed": "1", "loss": "a"}, {"seed": "1", "loss": "b"})
    assert one.command == "python evaluate/app.py seed=1,2 +loss=a,b size=32 -m"
    others = ["paths.work=/x", "resume=false", "fail_fast=true", "tracking.experiment=x"]
    same = plan("size=32", *others, "+loss=b,c,d", "seed=range(3,9)", experiment="mini")
    assert same.key == one.key
    assert len(same.jobs) == 18
    changed = [
        plan("seed=1,2", "+loss=a,b", "size=64", experiment="mini"),
        plan("seed=1,2", "size=32", "+loss=a", experiment="mini"),
        plan("seed=1,2", "+loss=a,b", "size=32", program="other.py", experiment="mini"),
        plan("seed=1,2", "+loss=a,b", "size=32", "data.root=/other", experiment="mini"),
    ]
    assert len({one.key, *(item.key for item in changed)}) == 5
    assert plan("+experiment=a,b", experiment="a").title == "app: experiment"
    assert plan("seed=1", sweeper={"params": {"seed": "5,6", "loss.margin": "0.5,1.0"}}).keys == ("loss.margin",)


def test_a_long_value_stays_readable_and_unique() -> None:
    assert settings_text({"loss.margin": "0.5", "optimizer.lr": "1e-4"}) == "loss.margin=0.5 optimizer.lr=1e-4"
    names = [settings_text({"checkpoint": f"/a/folder/{'deep/' * 9}{n}/best.safetensors"}) for n in range(3)]
    assert all(name.startswith("checkpoint=best.safetensors~") for name in names)
    assert len(set(names)) == 3
    many = [settings_text({f"key_{n}": "x" * 30 for n in range(20)} | {"seed": seed}) for seed in "12"]
    assert many[0] != many[1]
    assert max(map(len, many)) <= 200
