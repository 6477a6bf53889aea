"""The parent run of a sweep, shared by all its processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from imgfp.files import file_lock
from imgfp.tracking.create_run import create_run
from imgfp.tracking.found_runs import search_runs
from imgfp.tracking.store import Store

SWEEP_TAG = "imgfp.sweep"
PARENT_TAG = "mlflow.parentRunId"  # MLflow's MLFLOW_PARENT_RUN_ID, without importing mlflow
CHILD_TAGS = {"mlflow.runType": "evaluation"}  # MLflow's page lists such children under their parent without a click


@dataclass(frozen=True)
class Parent:
    """The parent of a sweep as one of its jobs sees it; the first job that opens a run creates it.

    Attributes:
        key: the same for all jobs of the sweep, see `parent_run`.
        name: of the parent.
        child: name of the job's own run, such as "loss.margin=0.5"; empty: as outside a sweep.
        settings: what was swept and this job's values, as text: params of the job's own run.
    """

    key: str
    name: str
    child: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)


def parent_run(store: Store, experiment: str, sweep_key: str, name: str) -> str:
    """Finds or creates the parent run of a sweep, and returns its run id.

    The jobs of one `-m` sweep run in independent processes; the same `sweep_key` maps them, and a rerun or an extension of the
    sweep, to the same parent. The parent only groups runs, and no job knows whether it is the last, so it is FINISHED from
    the start and every finished child updates its end time; `name` is used only on creation.

    Raises:
        ValueError: `sweep_key` is empty or contains both kinds of quotes (MLflow's filter syntax has no escape).
    """
    experiment_id = store.experiment_id(experiment)  # before the lock, which it may acquire itself
    with file_lock(store.lock_path):
        if found := _find_parent(store, experiment_id, sweep_key):
            return found
        run_id = create_run(store, experiment, name, {SWEEP_TAG: sweep_key})
        first = _find_parent(store, experiment_id, sweep_key) or run_id
        if first != run_id:  # on a server another machine, which has a lock of its own, was faster
            store.client().delete_run(run_id)
            return first
        store.client().set_terminated(run_id, "FINISHED")
        return run_id


def find_parent(store: Store, experiment: str, sweep_key: str) -> str | None:
    """The parent run of a sweep; None if no job has opened a run."""
    found = store.client().get_experiment_by_name(experiment)
    return None if found is None else _find_parent(store, found.experiment_id, sweep_key)


def adopt(store: Store, run_id: str, parent: Parent, experiment: str, name: str) -> str:
    """Makes an existing run a child of the sweep that found it, unless it is one of another run: MLflow has one parent a run.

    Args:
        store: where the run is.
        run_id: of the run.
        parent: of the sweep.
        experiment: of the sweep.
        name: the run's name outside a sweep; the job's own replaces it.

    Returns:
        The id of the run's parent.
    """
    client = store.client()
    run = client.get_run(run_id)
    above = run.data.tags.get(PARENT_TAG)
    if above is None or not store.has_run(above):
        above = parent_run(store, experiment, parent.key, parent.name)
        for key, value in {**CHILD_TAGS, PARENT_TAG: above}.items():
            client.set_tag(run_id, key, value)
        if parent.child and run.info.run_name == name:
            client.update_run(run_id, name=parent.child)
    for key, value in parent.settings.items():
        if key not in run.data.params:
            client.log_param(run_id, key, value)
    return str(above)


def _find_parent(store: Store, experiment_id: str, sweep_key: str) -> str | None:
    if not sweep_key or {"'", '"'} <= set(sweep_key):
        raise ValueError(f"sweep key {sweep_key!r} is empty or contains both ' and \": use a plain path or name")
    quote = '"' if "'" in sweep_key else "'"
    found = search_runs(store, experiment_id, f"tags.`{SWEEP_TAG}` = {quote}{sweep_key}{quote}")
    # the same one for all machines, also of two that were created in the same millisecond
    first = min(found, key=lambda run: (run.info.start_time, run.info.run_id), default=None)
    return None if first is None else str(first.info.run_id)
