"""MLflow runs: parameters, metrics, artifacts and status."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imgfp.tracking.metric_names import check_metric_names
from imgfp.tracking.params import flatten
from imgfp.tracking.store import Store

NEVER_REACHED = "never reached"
ERROR_TAG = "imgfp.error"
_PARAMS_PER_BATCH = 100  # MLflow's limit
_DIGEST_LENGTH = 36  # MLflow's limit for dataset digests


@dataclass(frozen=True)
class Run:
    """An active run, created by `tracked_run`."""

    store: Store
    run_id: str

    def log_metrics(self, metrics: Mapping[str, float | None], step: int = 0) -> None:
        """Logs metrics. None means that the metric is undefined (such as a threshold when precision 0.9 is never reached): it
        is skipped, because any number would be plotted as a result, and a tag of its name is set to "never reached".

        Raises:
            ValueError: a name that is not one of the project's metrics.
        """
        from mlflow.entities import Metric, RunTag

        check_metric_names(metrics)
        now = time.time_ns() // 1_000_000
        found = [Metric(key, float(value), now, step) for key, value in metrics.items() if value is not None]
        missing = [RunTag(key, NEVER_REACHED) for key, value in metrics.items() if value is None]
        self.store.client().log_batch(self.run_id, metrics=found, tags=missing)

    def log_dataset(
        self,
        name: str,
        path: Path,
        digest: str,
        queries: int | None = None,
        references: int | None = None,
        context: str = "evaluation",
    ) -> None:
        """Logs a data set that the run read: path and version.

        Args:
            name: the data set's name, such as "isc-mini".
            path: its folder or file.
            digest: a hash of its content; the first 36 characters are stored.
            queries: number of query images.
            references: number of reference images.
            context: its use: "training", "evaluation".
        """
        from mlflow.entities import Dataset, DatasetInput, InputTag

        counts = {"num_queries": queries, "num_references": references}
        dataset = Dataset(
            name=name,
            digest=digest[:_DIGEST_LENGTH],
            source_type="local",
            source=json.dumps({"uri": str(path.resolve())}),
            profile=json.dumps({key: count for key, count in counts.items() if count is not None}),
        )
        tags = [InputTag("mlflow.data.context", context)]
        self.store.client().log_inputs(self.run_id, datasets=[DatasetInput(dataset, tags)])

    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        """Copies the file `path` to the run's artifacts, into `folder` there."""
        self.store.client().log_artifact(self.run_id, str(path), folder)

    def log_images(self, folder: Path) -> None:
        """Copies everything in `folder` to `images` of the run's artifacts."""
        self.store.client().log_artifacts(self.run_id, str(folder), "images")


@contextmanager
def tracked_run(
    store: Store,
    experiment: str,
    name: str,
    params: Mapping[str, object],
    config_yaml: str | None = None,
    tags: Mapping[str, str] | None = None,
    parent_run_id: str | None = None,
    resume: str | None = None,
) -> Iterator[Run]:
    """Starts a run and ends it with status FINISHED, FAILED on an exception, or KILLED on Ctrl-C.

    No global state is used (no "active run"), so runs can be nested and written by many processes at once.

    Args:
        store: where to log.
        experiment: name of the experiment, created when absent.
        name: name of the run.
        params: the configuration, nested or flat; see `flatten`.
        config_yaml: the resolved configuration as text, logged as the artifact `config.yaml`.
        tags: additional tags.
        parent_run_id: the parent run; see `parent_run`.
        resume: id of an earlier run to resume; its params are kept.

    Raises:
        InputError: the experiment cannot be written to; see `Store.experiment_id`.
    """
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

    flat = flatten(params)  # before the run is created: an invalid configuration leaves no empty run
    parent_tag = {MLFLOW_PARENT_RUN_ID: parent_run_id} if parent_run_id else {}
    if resume is None:
        run = Run(store, create_run(store, experiment, name, {**(tags or {}), **parent_tag}))
    else:
        run = Run(store, resume)
        store.client().update_run(resume, status="RUNNING")
        if ERROR_TAG in store.client().get_run(resume).data.tags:
            store.client().delete_tag(resume, ERROR_TAG)
        for key, value in (parent_tag | dict(tags or {})).items():
            store.client().set_tag(resume, key, value)
    status = "FAILED"
    try:
        if resume is None:
            _log_params(run, flat)
        if config_yaml is not None:
            store.client().log_text(run.run_id, config_yaml, "config.yaml")
        yield run
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    except BaseException as error:
        store.client().set_tag(run.run_id, ERROR_TAG, f"{type(error).__name__}: {error}"[:1000])
        raise
    finally:
        store.client().set_terminated(run.run_id, status)
        if parent_run_id:
            _prolong(store, parent_run_id)


def create_run(store: Store, experiment: str, name: str, tags: Mapping[str, str]) -> str:
    """Creates a run with the tags that MLflow itself would set (user, program, git commit), and returns its id."""
    from mlflow.tracking.context.registry import resolve_tags

    own = resolve_tags(dict(tags))
    own.pop("mlflow.source.git.repoURL", None)  # a remote URL may contain a password
    return store.client().create_run(store.experiment_id(experiment), tags=own, run_name=name).info.run_id


def _log_params(run: Run, flat: Mapping[str, str]) -> None:
    from mlflow.entities import Param

    params = [Param(key, value) for key, value in flat.items()]
    for start in range(0, len(params), _PARAMS_PER_BATCH):
        run.store.client().log_batch(run.run_id, params=params[start : start + _PARAMS_PER_BATCH])


def _prolong(store: Store, parent_run_id: str) -> None:
    """Sets a finished parent's end time to now, so that its duration covers all children; a running parent is unchanged."""
    if store.client().get_run(parent_run_id).info.status == "FINISHED":
        store.client().set_terminated(parent_run_id, "FINISHED")
