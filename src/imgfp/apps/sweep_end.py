"""What a sweep tells: its parent run after every job, and the user at the end."""

import sys
from collections.abc import Sequence
from pathlib import Path

from imgfp.apps.sweep import DEFECT, Outcome, Place, outcomes
from imgfp.apps.sweep_plan import SweepPlan
from imgfp.errors import BAD_INPUT, INTERRUPTED, LEFT_OUT, OK
from imgfp.files import file_lock
from imgfp.progress import announce
from imgfp.reports.console import ui_hint
from imgfp.studies.sweep_rows import WAITING, SweepRow, best_first, counts_text, table_text
from imgfp.studies.sweep_summary import update_parent
from imgfp.tracking import PARENT_TAG, Run, close_abandoned, comparison, describe, find_parent, open_store

_COMPARED = 20  # a longer address does not open everywhere
_EVERY = 100  # jobs: of more, the parent is not updated after each


def tell_parent(folder: Path, ended: bool = False) -> None:
    """Updates the sweep's parent run, if a job has opened a run; an error is one line, and no job fails because of it.

    `ended`: whether no further job will run.
    """
    plan, found = SweepPlan.read(folder), outcomes(folder)
    if plan is None or not (ended or len(found) % (1 + len(plan.jobs) // _EVERY) == 0):
        return
    for place in dict.fromkeys(outcome.place for outcome in found if outcome.place):
        if not (any(outcome.results for outcome in found) or Path(place.mlruns).exists()):
            continue
        try:
            _update(plan, folder, place, "not run" if ended else WAITING)
        except Exception as error:
            announce(f"the sweep's parent run could not be updated: {_one_line(error)}")


def _update(plan: SweepPlan, folder: Path, place: Place, missing: str) -> None:
    store = open_store(place.mlruns)
    run_id = find_parent(store, place.experiment, plan.key)
    if run_id is None:
        return
    close_abandoned(store, place.experiment, PARENT_TAG, run_id)
    with file_lock(store.lock_path):  # concurrent jobs update it one after the other
        here = [outcome for outcome in outcomes(folder) if outcome.place in (place, None)]
        update_parent(Run(store, run_id), rows_of(plan, here, missing), plan.keys, plan.command, len(plan.jobs))


def rows_of(plan: SweepPlan, found: Sequence[Outcome], missing: str) -> list[SweepRow]:
    """The sweep's table in the order of its jobs. `missing`: the state of a job that has not ended."""
    ended = {outcome.job: outcome for outcome in found}
    rows = []
    for number, settings in enumerate(plan.jobs):
        outcome = ended.get(number)
        if outcome is None:
            rows.append(SweepRow(settings, missing))
            continue
        for result in outcome.results:
            rows.append(
                SweepRow(result.settings, "reused" if result.reused else "finished", result.figures, result.run_id)
            )
        if outcome.failed or not outcome.results:
            rows.append(SweepRow(settings, outcome.state))
    return rows


def tell_sweep(program: str, folder: Path, crashed: int) -> int:
    """Prints the table of the sweep, lists its failed jobs on standard error and returns its exit code.

    Args:
        program: Starts every line.
        folder: The sweep's output folder.
        crashed: The exit code where the sweep itself was cut short, else 0.
    """
    plan, found = SweepPlan.read(folder), outcomes(folder)
    tell_parent(folder, ended=True)
    if plan is not None and any(outcome.results for outcome in found):
        _print_table(plan, found)
    failed = [outcome for outcome in found if outcome.failed]
    if failed:
        print(f"{program}: {len(failed)} of {len(found)} jobs failed:", file=sys.stderr)
        for outcome in failed:
            print(f"  job {outcome.job} ({outcome.overrides}): {outcome.said}", file=sys.stderr)
    jobs = len(found) if plan is None else len(plan.jobs)
    missing = jobs - len(found)
    if missing > 0 and not crashed:  # such as a worker that was killed
        print(f"{program}: {missing} of {jobs} jobs have not ended", file=sys.stderr)
    if failed or missing > 0 or crashed not in (OK, INTERRUPTED):
        print(f"{program}: rerun the same command to resume unfinished jobs", file=sys.stderr)
    codes = {outcome.code for outcome in found}
    if missing > 0:
        codes.add(DEFECT)
    return crashed or next((code for code in (DEFECT, BAD_INPUT, LEFT_OUT) if code in codes), OK)


def _print_table(plan: SweepPlan, found: Sequence[Outcome]) -> None:
    rows = rows_of(plan, found, "not run")
    print(f"\n{plan.title}: {counts_text(rows, len(plan.jobs))}\n{table_text(rows)}")
    ids = list(dict.fromkeys(row.run_id for row in best_first(rows) if row.run_id and row.done))
    place: Place | None = next((outcome.place for outcome in found if outcome.place and outcome.results), None)
    if place is None or not ids:
        return
    try:
        store = open_store(place.mlruns)
        print(f"in MLflow: {ui_hint(store.name)}, then {describe(store, place.experiment)}")
        if len(ids) > 1:
            which = f" (the best {_COMPARED})" if len(ids) > _COMPARED else ""
            print(f"side by side{which}: {comparison(store, place.experiment, ids[:_COMPARED])}")
    except Exception as error:  # a store that is gone must not hide how the jobs ended
        announce(f"no link to MLflow: {_one_line(error)}")


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
