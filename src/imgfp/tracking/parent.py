"""The parent run of a sweep, shared by all its processes."""

from imgfp.files import file_lock
from imgfp.tracking.run import Run, create_run
from imgfp.tracking.store import Store

_PAGE = 1000
SWEEP_TAG = "imgfp.sweep"


def parent_run(store: Store, experiment: str, sweep_key: str, name: str) -> str:
    """Finds or creates the parent run of a sweep, and returns its run id.

    The jobs of one `-m` sweep run in independent processes; the same `sweep_key` (such as the sweep's output folder) maps
    them, and a rerun of unfinished jobs, to the same parent. The parent only groups runs, and no job knows whether it is
    the last, so it is FINISHED from the start and every finished child updates its end time; `name` is used only on
    creation.

    Raises:
        ValueError: `sweep_key` is empty or contains both kinds of quotes (MLflow's filter syntax has no escape).
    """
    if not sweep_key or {"'", '"'} <= set(sweep_key):
        raise ValueError(f"sweep key {sweep_key!r} is empty or contains both ' and \": use a plain path or name")
    experiment_id = store.experiment_id(experiment)  # before the lock, which it may acquire itself
    quote = '"' if "'" in sweep_key else "'"
    client = store.client()
    with file_lock(store.lock_path):
        found = client.search_runs(
            [experiment_id],
            filter_string=f"tags.`{SWEEP_TAG}` = {quote}{sweep_key}{quote}",
            order_by=["attributes.start_time ASC"],
            max_results=1,
        )
        if found:
            return found[0].info.run_id
        run_id = create_run(store, experiment, name, {SWEEP_TAG: sweep_key})
        client.set_terminated(run_id, "FINISHED")
        return run_id


def children(parent: Run) -> list[tuple[dict[str, str], dict[str, float]]]:
    """Params and metrics of a parent's finished child runs, by start time."""
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

    client = parent.store.client()
    experiment = client.get_run(parent.run_id).info.experiment_id
    wanted = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent.run_id}' and attributes.status = 'FINISHED'"
    found, token = [], None
    while True:
        page = client.search_runs(
            [experiment], wanted, max_results=_PAGE, order_by=["attributes.start_time ASC"], page_token=token
        )
        found += [(dict(run.data.params), dict(run.data.metrics)) for run in page]
        token = page.token
        if not token:
            return found
