"""Shared material (golden data, isc-mini), quiet libraries, and what several packages' tests make once.

Where the shared material is missing a test is skipped with a reason, or fails where IMGFP_REQUIRE_SHARED=1.
"""

import logging
import os
import runpy
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "HF_HUB_OFFLINE": "1",  # weights that are not at hand are an error at once, not a search of the network
    "TOKENIZERS_PARALLELISM": "false",
    # tests run side by side, one process a core: more threads would only wait for each other
    "IMGFP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}.items():
    os.environ.setdefault(_name, _value)

# a shared machine has no steady clock
settings.register_profile("imgfp", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("imgfp")

ROOT = Path(__file__).resolve().parents[1]
# `make test-fast` leaves these out: they start processes, train, or search from end to end
SLOW = (
    "apps/test_descriptors_app.py",
    "cli/test_[!m]*.py",
    "cli/test_mirror.py",
    "datasets/test_demo_set.py",
    "detector/test_finder.py",
    "evaluate/test_*.py",
    "learning/data/test_loader.py",
    "learning/losses/test_gather.py",
    "learning/test_distributed.py",
    "learning/test_train.py",
    "local/test_extract.py",
    "parity/test_esvit.py",
    "parity/test_mirror_inference.py",
    "pipeline/test_*.py",
    "studies/test_*.py",
    "test_light_install.py",
    "test_notebook.py",
    "tracking/test_store.py",
    "train/test_*.py",
)
GOLDEN = Path(os.environ.get("IMGFP_GOLDEN") or ROOT.parent / "shared" / "golden")
ISC_MINI = Path(os.environ.get("IMGFP_DATA") or ROOT.parent / "shared" / "data" / "isc-mini")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    slow = {path for pattern in SLOW for path in (ROOT / "tests").glob(pattern)}
    for item in items:
        if item.path in slow:
            item.add_marker(pytest.mark.slow)


def _shared(folder: Path, variable: str) -> Path:
    if folder.is_dir():
        return folder
    reason = f"{folder} is not there: set {variable}"
    if os.environ.get("IMGFP_REQUIRE_SHARED") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def golden() -> Path:
    return _shared(GOLDEN, "IMGFP_GOLDEN")


@pytest.fixture(scope="session")
def isc_mini() -> Path:
    return _shared(ISC_MINI, "IMGFP_DATA")


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Features and descriptors without worker processes, each image's made once a session, on one thread.

    The last bits of a descriptor depend on the number of threads.
    """
    import torch
    from one_process import OneProcess, remembering_encoder

    monkeypatch.setattr("imgfp.pipeline.stages.features.SiftPool", OneProcess)
    monkeypatch.setattr("imgfp.pipeline.stages.describe.create_encoder", remembering_encoder)
    monkeypatch.setenv("IMGFP_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@dataclass(frozen=True)
class Ended:
    """What a script printed and how it ended, as `subprocess.CompletedProcess` tells it."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Ended]]:
    """Runs a Hydra app of the repository within this process, in another working folder: `run_script("evaluate/isc.py", ...)`.

    As `python SCRIPT ARGUMENT...` does, without the seconds that torch, MLflow and Hydra take to load. Everything that it
    writes goes below tmp_path.
    """
    folders = {"paths.work": "work", "paths.mlruns": "mlruns", "hydra.run.dir": "hydra", "hydra.sweep.dir": "sweep"}
    monkeypatch.chdir(tmp_path)
    for name in ("IMGFP_SWEEP", "IMGFP_SWEEP_FOLDER"):  # which a sweep sets
        monkeypatch.setenv(name, "")
    handlers, level = logging.root.handlers[:], logging.root.level

    def run(script: str, *arguments: object) -> Ended:
        given = [f"{key}={tmp_path / name}" for key, name in folders.items()] + [str(item) for item in arguments]
        monkeypatch.setattr(sys, "argv", [script, *given])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(ROOT / script), run_name="__main__")
        said = capsys.readouterr()
        return Ended(int(end.value.code or 0), said.out, said.err)

    yield run
    logging.root.handlers[:], logging.root.level = handlers, level


Shared = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """Makes a folder once for all workers of pytest-xdist: `shared(name, make)` calls `make(folder)` where it is absent."""
    base = tmp_path_factory.getbasetemp()
    common = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def once(name: str, make: Callable[[Path], None]) -> Path:
        folder, begun = common / "shared" / name, common / "shared" / f".{name}"
        folder.parent.mkdir(exist_ok=True)
        with FileLock(common / f"{name}.lock"):
            if not folder.exists():
                make(begun)
                begun.rename(folder)
        return folder

    return once


@pytest.fixture(scope="session")
def tiny_disc(shared: Shared) -> Path:
    """5 references, 3 training images, 5 queries made from references and 2 others."""
    pytest.importorskip("skimage")
    pytest.importorskip("sklearn")
    from imgfp.datasets import demo_set

    with pytest.MonkeyPatch.context() as patch:
        for name, count in {"REFERENCES": 5, "TRAINING": 3, "EDITED": 5, "DISTRACTORS": 2}.items():
            patch.setattr(demo_set, name, count)
        return shared("tiny", demo_set.make_demo_set)


@pytest.fixture(scope="session", autouse=True)
def migrated_once(shared: Shared) -> Iterator[None]:
    """A fresh store of this process is a copy of one that MLflow migrated once: migrating takes seconds."""
    from imgfp.tracking import store

    migrate = store._create

    def make(folder: Path) -> None:
        folder.mkdir()
        migrate(folder / "mlflow.db", folder / "artifacts")

    def copied(database: Path, artifacts: Path) -> None:
        shutil.copy(shared("migrated", make) / "mlflow.db", database)
        with sqlite3.connect(database) as opened:  # experiment 0, "Default", is the only one
            opened.execute("UPDATE experiments SET artifact_location = ?", (f"{artifacts.as_uri()}/0",))
        opened.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "_create", copied)
        yield
