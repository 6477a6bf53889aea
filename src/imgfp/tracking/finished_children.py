"""Many finished children of one parent run, written in a few calls each."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from imgfp.tracking.create_run import run_tags
from imgfp.tracking.metric_names import check_metric_names
from imgfp.tracking.params import flatten
from imgfp.tracking.parent import CHILD_TAGS, PARENT_TAG
from imgfp.tracking.run import NEVER_REACHED, Run, kept


@dataclass(frozen=True)
class ChildRun:
    """A run that is complete. `metrics`: None for one that is undefined, as in `Run.log_metrics`."""

    name: str
    params: Mapping[str, object]
    metrics: Mapping[str, float | None]
    tags: Mapping[str, str] = field(default_factory=dict)


def log_children(parent: Run, experiment: str, runs: Iterable[ChildRun]) -> int:
    """Writes runs as finished children of `parent`, in three calls each; returns how many.

    Once the store takes nothing more, the rest become children of the parent's continuation, see `Run.write`.

    Raises:
        ValueError: a name that is not one of the project's metrics; over a hundred params.
    """
    common = run_tags(CHILD_TAGS)
    return sum(bool(_log_child(parent, experiment, child, common)) for child in runs)


@kept
def _log_child(parent: Run, experiment: str, child: ChildRun, common: Mapping[str, str]) -> bool:
    from mlflow.entities import Metric, Param, RunTag

    check_metric_names(child.metrics)
    client, experiment_id = parent.store.client(), parent.store.experiment_id(experiment)
    now = time.time_ns() // 1_000_000
    params = [Param(key, value) for key, value in flatten(child.params).items()]
    metrics = [Metric(key, float(value), now, 0) for key, value in child.metrics.items() if value is not None]
    missing = [RunTag(key, NEVER_REACHED) for key, value in child.metrics.items() if value is None]
    tags = {**common, PARENT_TAG: parent.run_id, **child.tags}
    run = client.create_run(experiment_id, tags=tags, run_name=child.name)
    client.log_batch(run.info.run_id, metrics=metrics, params=params, tags=missing)
    client.set_terminated(run.info.run_id, "FINISHED")
    return True
