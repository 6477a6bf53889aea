"""One run of an app as Hydra calls it: alone, or as a job of a sweep in whatever process its launcher has chosen."""

import multiprocessing
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from imgfp.apps.sweep import DEFECT, SKIPPED, Outcome, Place, any_failed
from imgfp.apps.sweep_job import collected
from imgfp.apps.sweep_plan import SweepPlan, settings_of_job
from imgfp.errors import BAD_INPUT, LEFT_OUT, OK, InputError
from imgfp.progress import announce
from imgfp.tracking.outage import outage
from imgfp.tracking.store import keep_unlogged_in, take_unlogged


class Job:
    """Calls the task and turns bad input into a line and an exit code, never into an exit: a worker must keep running.

    Attributes:
        code: The exit code of a run outside a sweep; jobs of a sweep leave theirs in their output folder (`Outcome`).
    """

    def __init__(self, task: Callable[[DictConfig], int], program: str, repository: Path) -> None:
        """`program` starts every error line; `${repo:...}` is relative to `repository`."""
        self.task, self.program, self.repository = task, program, repository
        self.code = OK
        self._prepare()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Unpickled in another process, which has no resolver `repo` yet."""
        self.__dict__.update(state)
        self._prepare()
        if multiprocessing.get_start_method(allow_none=True) == "loky":  # joblib's; child processes do not know it
            multiprocessing.set_start_method(None, force=True)

    def __call__(self, config: DictConfig) -> None:
        """Runs the task once."""
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            self._run_in_sweep(config)
        else:
            self.code, said = self._guarded(config)
            if said:
                print(f"{self.program}: {said}", file=sys.stderr)

    def _run_in_sweep(self, config: DictConfig) -> None:
        """One job of several: prints which one it is, and writes how it ended, whatever happened."""
        own = HydraConfig.get()
        folder, number, overrides = Path(own.sweep.dir), int(own.job.num), list(own.overrides.task)
        plan = SweepPlan.read(folder)
        settings = settings_of_job(plan.keys, overrides) if plan else {}
        name = " ".join(f"{key}={value}" for key, value in settings.items()) or " ".join(overrides)
        collected()  # nothing of an earlier job
        if config.get("fail_fast", False) and any_failed(folder):
            code, said = SKIPPED, "skipped: an earlier job failed"
        else:
            announce(f"job {number}: {name}")
            try:
                code, said = self._guarded(config)
            except Exception as error:  # a bug in one job must not lose the others
                traceback.print_exc()
                code, said = DEFECT, f"{type(error).__name__}: {error}"
        if said:
            announce(f"{self.program}: job {number}: {said}")
        Outcome(number, name, code, said, collected(), _place(config)).write(Path(own.runtime.output_dir))
        from imgfp.apps.sweep_end import tell_parent  # draws a chart: its libraries take a second to load

        tell_parent(folder)

    def _guarded(self, config: DictConfig) -> tuple[int, str]:
        if (results := OmegaConf.select(config, "paths.work")) is not None:
            keep_unlogged_in(Path(results))
        try:
            code, said = self.task(config), ""
        except InputError as error:
            code, said = BAD_INPUT, str(error)
        except Exception as error:
            if (reason := outage(error)) is None:
                raise
            # a full disk of the results has a number and a file name
            numbered = isinstance(error, OSError) and error.errno is not None
            code, said = BAD_INPUT, str(error) if numbered else f"the MLflow store {config.paths.mlruns}: {reason}"
        for folder, command in take_unlogged().items():
            announce(f"{self.program}: runs that are not in MLflow yet are in {folder}: {command}")
            code = code or LEFT_OUT
        return code, said

    def _prepare(self) -> None:
        repository = self.repository
        OmegaConf.register_new_resolver("repo", lambda path: str((repository / path).resolve()), replace=True)


def _place(config: DictConfig) -> Place | None:
    mlruns, experiment = (OmegaConf.select(config, key) for key in ("paths.mlruns", "tracking.experiment"))
    return Place(mlruns, experiment) if mlruns and experiment else None
