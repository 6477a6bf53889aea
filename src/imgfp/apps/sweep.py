"""A `-m` sweep as a whole: what its processes share, and how each job ended."""

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from imgfp.apps.sweep_plan import SweepPlan
from imgfp.errors import LEFT_OUT, OK, InputError
from imgfp.files import write_json
from imgfp.threads import thread_count
from imgfp.tracking.store import open_store

# a sweep's processes inherit the environment, whichever launcher starts them
KEY = "IMGFP_SWEEP"
FOLDER = "IMGFP_SWEEP_FOLDER"
DEFECT, SKIPPED = 1, -1
_OUTCOME = "outcome.json"


@dataclass(frozen=True)
class Result:
    """One run of a job.

    Attributes:
        settings: What distinguishes it, by key: the job's values of what is swept, and where one job has several runs, such as
            one per preset, which one it is.
        run_id: In MLflow; None where the store no longer has it.
        figures: By name, the one to compare by first; None: undefined.
        reused: Whether it was finished before this sweep.
    """

    settings: Mapping[str, str]
    run_id: str | None
    figures: Mapping[str, float | None]
    reused: bool = False


@dataclass(frozen=True)
class Place:
    """Where a job's runs are: the folder of the store, and the experiment in it."""

    mlruns: str
    experiment: str


@dataclass(frozen=True)
class Outcome:
    """How one job ended, for the sweep's process.

    Attributes:
        job: Its number.
        overrides: What distinguishes it.
        code: Its exit code, DEFECT or SKIPPED.
        said: Why it has no result; empty if it succeeded.
        results: Its runs.
        place: Of its runs.
    """

    job: int
    overrides: str
    code: int
    said: str
    results: tuple[Result, ...] = ()
    place: Place | None = None

    @property
    def failed(self) -> bool:
        """Whether there is no result."""
        return self.code not in (OK, LEFT_OUT)

    @property
    def state(self) -> str:
        """In one word."""
        if self.code == SKIPPED:
            return "skipped"
        return "failed" if self.failed else "finished"

    def write(self, folder: Path) -> None:
        """Writes it to the job's own output folder."""
        plain = asdict(self)
        for result in plain["results"]:  # JSON with sorted keys; the order of figures and settings counts
            result |= {key: list(result[key].items()) for key in ("settings", "figures")}
        write_json(folder / _OUTCOME, plain)

    @classmethod
    def read(cls, path: Path) -> "Outcome":
        """What `write` wrote."""
        plain = json.loads(path.read_text())
        results = (
            Result(**item | {key: dict(item[key]) for key in ("settings", "figures")}) for item in plain["results"]
        )
        place = plain["place"] and Place(**plain["place"])
        return cls(**plain | {"results": tuple(results), "place": place})


class SweepStart(Callback):
    """Hydra calls it before the first job of a sweep, in the process that the user started."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Tells all later processes which sweep they belong to, and divides the processors among concurrent jobs."""
        folder = Path(config.hydra.sweep.dir).resolve()
        for old in folder.glob(f"*/{_OUTCOME}"):
            old.unlink()
        plan = SweepPlan.of(Path(sys.argv[0]).resolve(), config)
        plan.write(folder)
        os.environ[KEY] = plan.key
        os.environ[FOLDER] = str(folder)
        _reach_store(config)
        at_once = _at_once(config.hydra.launcher, len(plan.jobs))
        if at_once > 1:
            os.environ["IMGFP_THREADS"] = str(max(thread_count() // at_once, 1))


def _reach_store(config: DictConfig) -> None:
    """Asks the tracking server before the first job: if it goes away later, the processes know that it was there."""
    where = OmegaConf.select(config, "paths.mlruns")
    if where is not None and str(where).startswith("http"):
        with contextlib.suppress(InputError):  # each job reports it
            open_store(where)


def _at_once(launcher: DictConfig, jobs: int) -> int:
    """How many jobs of a sweep run on this machine at the same time."""
    if str(launcher.get("_target_")).endswith("LocalLauncher"):  # submitit's starts all
        return jobs
    wanted = int(launcher.get("n_jobs") or 1)
    # joblib: -1 is all processors, -2 all but one
    return min(wanted if wanted > 0 else thread_count() + 1 + wanted, jobs)


def outcomes(folder: Path) -> list[Outcome]:
    """Of all jobs of a sweep that have ended so far, in order."""
    return sorted(map(Outcome.read, folder.glob(f"*/{_OUTCOME}")), key=lambda outcome: outcome.job)


def any_failed(folder: Path) -> bool:
    """Whether a job of the sweep has failed already."""
    return any(outcome.failed for outcome in outcomes(folder))
