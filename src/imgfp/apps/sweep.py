"""A `-m` sweep as a whole: what its processes share, and how each job ended."""

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from imgfp.apps.config_check import sweep_jobs
from imgfp.errors import BAD_INPUT, LEFT_OUT, OK
from imgfp.files import hash_value, write_json
from imgfp.threads import thread_count

# a sweep's processes inherit the environment, whichever launcher starts them
KEY = "IMGFP_SWEEP"  # the same for the same command
FOLDER = "IMGFP_SWEEP_FOLDER"
DEFECT, SKIPPED = 1, -1
_OUTCOME = "outcome.json"


@dataclass(frozen=True)
class Outcome:
    """How one job ended. `code`: its exit code, DEFECT or SKIPPED; `said`: why, empty if it succeeded."""

    job: int
    overrides: str
    code: int
    said: str

    @property
    def failed(self) -> bool:
        """Whether there is no result."""
        return self.code not in (OK, LEFT_OUT)

    def write(self, folder: Path) -> None:
        """Writes it to the job's own output folder."""
        write_json(folder / _OUTCOME, asdict(self))


class SweepStart(Callback):
    """Hydra calls it before the first job of a sweep, in the process that the user started."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Tells all later processes which sweep they belong to, and divides the processors among concurrent jobs."""
        own = config.hydra
        folder = Path(own.sweep.dir).resolve()
        for old in folder.glob(f"*/{_OUTCOME}"):
            old.unlink()
        os.environ[KEY] = hash_value([Path(sys.argv[0]).name, sorted(own.overrides.task)])
        os.environ[FOLDER] = str(folder)
        at_once = _at_once(own.launcher, len(list(sweep_jobs(list(own.overrides.task)))))
        if at_once > 1:
            os.environ["IMGFP_THREADS"] = str(max(thread_count() // at_once, 1))


def _at_once(launcher: DictConfig, jobs: int) -> int:
    """How many jobs of a sweep run on this machine at the same time."""
    if str(launcher.get("_target_")).endswith("LocalLauncher"):  # submitit's starts all
        return jobs
    wanted = int(launcher.get("n_jobs") or 1)
    # joblib: -1 is all processors, -2 all but one
    return min(wanted if wanted > 0 else thread_count() + 1 + wanted, jobs)


def swept_overrides(folder: Path, overrides: list[str]) -> str:
    """Those overrides of a job that distinguish it from the other jobs of its sweep."""
    common = set(OmegaConf.load(folder / "multirun.yaml").hydra.overrides.task)  # which Hydra writes first
    return " ".join(override for override in overrides if override not in common) or " ".join(overrides)


def outcomes(folder: Path) -> list[Outcome]:
    """Of all jobs of a sweep that have ended so far, in order."""
    found = [Outcome(**json.loads(path.read_text())) for path in folder.glob(f"*/{_OUTCOME}")]
    return sorted(found, key=lambda outcome: outcome.job)


def any_failed(folder: Path) -> bool:
    """Whether a job of the sweep has failed already."""
    return any(outcome.failed for outcome in outcomes(folder))


def tell_sweep(program: str, folder: Path, crashed: int) -> int:
    """Lists the failed jobs on standard error and returns the exit code of the whole sweep.

    Args:
        program: Starts every line.
        folder: The sweep's output folder.
        crashed: The exit code where the sweep itself was cut short, else 0.
    """
    found = outcomes(folder)
    failed = [outcome for outcome in found if outcome.failed]
    if failed:
        print(f"{program}: {len(failed)} of {len(found)} jobs failed:", file=sys.stderr)
        for outcome in failed:
            print(f"  job {outcome.job} ({outcome.overrides}): {outcome.said}", file=sys.stderr)
    if failed or crashed:
        print(f"{program}: rerun the same command to resume unfinished jobs", file=sys.stderr)
    codes = {outcome.code for outcome in found}
    return crashed or next((code for code in (DEFECT, BAD_INPUT, LEFT_OUT) if code in codes), OK)
