"""Runs as they are in the store, found by their tags."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgfp.tracking.process import PROCESS_TAG, has_ended
from imgfp.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

FINGERPRINT_TAG = "imgfp.fingerprint"
_PAGE = 1000


@dataclass(frozen=True)
class FoundRun:
    """A run as it is in the store. `params`, `metrics` (last values) and `tags` by name."""

    run_id: str
    name: str
    status: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]

    @classmethod
    def of(cls, run: MlflowRun) -> FoundRun:
        """What MLflow returned."""
        info, data = run.info, run.data
        return cls(info.run_id, info.run_name, info.status, dict(data.params), dict(data.metrics), dict(data.tags))


def search_runs(store: Store, experiment_id: str, wanted: str) -> list[MlflowRun]:
    """All active runs that match, by start time."""
    client, found, token = store.client(), [], None
    while True:
        page = client.search_runs(
            [experiment_id], wanted, max_results=_PAGE, order_by=["attributes.start_time ASC"], page_token=token
        )
        found += list(page)
        token = page.token
        if not token:
            return found


def finished_run(store: Store, experiment: str, fingerprint: str) -> FoundRun | None:
    """The newest finished run of an experiment with this tag `imgfp.fingerprint`."""
    found = store.client().get_experiment_by_name(experiment)
    if found is None:
        return None
    wanted = f"tags.`{FINGERPRINT_TAG}` = '{fingerprint}' and attributes.status = 'FINISHED'"
    return next((FoundRun.of(run) for run in reversed(search_runs(store, found.experiment_id, wanted))), None)


def close_abandoned(store: Store, experiment: str, tag: str, value: str) -> None:
    """Sets runs with this tag to KILLED that are RUNNING although their process has ended, killed without warning."""
    found = store.client().get_experiment_by_name(experiment)
    wanted = f"tags.`{tag}` = '{value}' and attributes.status = 'RUNNING'"
    for run in search_runs(store, found.experiment_id, wanted) if found else []:
        if has_ended(run.data.tags.get(PROCESS_TAG)):
            store.client().set_terminated(run.info.run_id, "KILLED", end_time=int(time.time() * 1000))
