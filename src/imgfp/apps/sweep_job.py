"""What a job knows of its sweep, and what it hands over to it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from imgfp.apps.sweep import KEY, Result
from imgfp.apps.sweep_plan import SweepPlan, settings_of_job, settings_text
from imgfp.errors import LEFT_OUT, OK
from imgfp.files import hash_file, hash_value
from imgfp.progress import announce
from imgfp.studies.sweep_rows import compared_figures, figures_of_run
from imgfp.tracking import Parent, Run, Store, adopt, finished_run
from imgfp.tracking.outage import outage

LEFT_OUT_TAG = "imgfp.left_out"  # what was left out, in lines; a run without it has everything
_results: list[Result] = []  # of the job that runs in this process


def sweep_parent(**more: str) -> Parent | None:
    """The parent of the run that this job opens; None outside a sweep.

    `more`: what distinguishes runs of one job, such as `preset`, where there are several.
    """
    own = HydraConfig.get() if HydraConfig.initialized() else None
    if own is None or own.mode != RunMode.MULTIRUN or not os.environ.get(KEY):
        return None
    plan = SweepPlan.read(Path(own.sweep.dir))
    if plan is None or not plan.keys:  # -m over one value is one run
        return None
    settings = settings_of_job(plan.keys, list(own.overrides.task)) | more
    return Parent(plan.key, plan.title, settings_text(settings), settings)


def hand_over(
    parent: Parent | None, run_id: str | None, figures: Mapping[str, float | None], reused: bool = False
) -> None:
    """Hands a run's figures over to the sweep's table; outside a sweep nothing happens."""
    if parent is not None:
        _results.append(Result(parent.settings, run_id, compared_figures(figures), reused))


def collected() -> tuple[Result, ...]:
    """What was handed over since the last call."""
    found = tuple(_results)
    _results.clear()
    return found


def take_over(store: Store, experiment: str, fingerprint: str, parent: Parent | None, name: str) -> int | None:
    """Takes over a finished evaluation of the same settings and data, whichever command it is of.

    Args:
        store: Of the runs.
        experiment: Of the runs.
        fingerprint: See `fingerprint_of`.
        parent: Of this job; outside a sweep nothing is taken over.
        name: Of such a run outside a sweep.

    Returns:
        The exit code; None if there is no such run.
    """
    if parent is None:
        return None
    try:
        found = finished_run(store, experiment, fingerprint)
    except Exception as error:
        if outage(error) is None:
            raise
        found = None  # the store is away: evaluate, which logs elsewhere
    if found is None:
        return None
    announce(f"{parent.child or name}: already evaluated; use resume=false to evaluate again")
    adopt(store, found.run_id, parent, experiment, name)
    hand_over(parent, found.run_id, figures_of_run(found), reused=True)
    return LEFT_OUT if found.tags.get(LEFT_OUT_TAG) else OK


def note_code(store: Store, run_id: str, code: int) -> None:
    """Notes in a finished run that images were left out, for `take_over`."""
    if code == LEFT_OUT:
        Run(store, run_id).set_tag(LEFT_OUT_TAG, "images without a descriptor")


def fingerprint_of(settings: Mapping[str, Any], *digests: object) -> str:
    """A hash of all that an evaluation depends on: its settings, the content of files that they name, and `digests` of the data."""
    return hash_value([_with_content(settings), digests])


def _with_content(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _with_content(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_content(item) for item in value]
    # a name such as "default" is no file, whatever is in the working folder
    if isinstance(value, str) and {"/", "."} & set(value) and Path(value).is_file():
        return hash_file(Path(value))
    return value
