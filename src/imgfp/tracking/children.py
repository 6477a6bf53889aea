"""The child runs of a parent."""

from imgfp.tracking.found_runs import FoundRun, search_runs
from imgfp.tracking.parent import PARENT_TAG
from imgfp.tracking.run import Run


def child_runs(parent: Run) -> list[FoundRun]:
    """All child runs of a parent, whatever their status, by start time."""
    experiment = parent.store.client().get_run(parent.run_id).info.experiment_id
    found = search_runs(parent.store, experiment, f"tags.`{PARENT_TAG}` = '{parent.run_id}'")
    return [FoundRun.of(run) for run in found]
