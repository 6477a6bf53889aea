"""MLflow runs: parameters, metrics, artifacts and status."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imgfp.tracking.create_run import create_run
from imgfp.tracking.found_runs import FINGERPRINT_TAG, close_abandoned
from imgfp.tracking.metric_names import check_metric_names
from imgfp.tracking.notes import ABOUT_TAG, write_note
from imgfp.tracking.params import flatten
from imgfp.tracking.parent import PARENT_TAG, Parent, adopt, parent_run
from imgfp.tracking.process import PROCESS_TAG, this_process
from imgfp.tracking.store import Store
from imgfp.tracking.views import has_view, write_view

NEVER_REACHED = "never reached"
ERROR_TAG = "imgfp.error"
_RUN_TYPE_TAG = "mlflow.runType"  # MLflow's page lists children of type "evaluation" under their parent without a click
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
    parent: str | Parent | None = None,
    resume: str | None = None,
    about: str = "",
) -> Iterator[Run]:
    """Starts a run and ends it with status FINISHED, FAILED on an exception, or KILLED on Ctrl-C.

    A finished run gets a description, and its experiment the view that the printed links open; see `write_note`, `write_view`.
    No global state is used (no "active run"), so runs can be nested and written by many processes at once.

    Args:
        store: where to log.
        experiment: name of the experiment, created when absent.
        name: name of the run.
        params: the configuration, nested or flat; see `flatten`.
        config_yaml: the resolved configuration as text, logged as the artifact `config.yaml`.
        tags: additional tags.
        parent: the id of the parent run; or a sweep's `Parent`, which is created if this is its first child and which
            names the run.
        resume: id of an earlier run to resume; its params are kept.
        about: a sentence for the description.

    Raises:
        InputError: the experiment cannot be written to; see `Store.experiment_id`.
    """
    flat = flatten(params)  # before the run is created: an invalid configuration leaves no empty run
    own = {**(tags or {}), PROCESS_TAG: this_process()}
    if about:
        own[ABOUT_TAG] = about
    if parent is not None:
        own[_RUN_TYPE_TAG] = "evaluation"
    if FINGERPRINT_TAG in own:
        close_abandoned(store, experiment, FINGERPRINT_TAG, own[FINGERPRINT_TAG])
    sweep = parent if isinstance(parent, Parent) else None
    if resume is None:
        if sweep is not None:
            parent = parent_run(store, experiment, sweep.key, sweep.name)
            name, flat = sweep.child or name, {**sweep.settings, **flat}
        if parent is not None:
            own[PARENT_TAG] = str(parent)
        run = Run(store, create_run(store, experiment, name, own))
    else:
        run = Run(store, resume)
        if sweep is not None:
            parent = adopt(store, resume, sweep, experiment, name)
        elif parent is not None:
            own[PARENT_TAG] = str(parent)
        _reopen(run, own)
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
        if parent is not None:
            _prolong(store, str(parent))
    write_note(store, run.run_id)
    experiment_id = store.experiment_id(experiment)
    if not has_view(store, experiment_id):
        write_view(store, experiment_id)


def _reopen(run: Run, tags: Mapping[str, str]) -> None:
    """Sets an earlier run to RUNNING, without the error that it may have ended with."""
    client = run.store.client()
    client.update_run(run.run_id, status="RUNNING")
    if ERROR_TAG in client.get_run(run.run_id).data.tags:
        client.delete_tag(run.run_id, ERROR_TAG)
    for key, value in tags.items():
        client.set_tag(run.run_id, key, value)


def _log_params(run: Run, flat: Mapping[str, str]) -> None:
    from mlflow.entities import Param

    params = [Param(key, value) for key, value in flat.items()]
    for start in range(0, len(params), _PARAMS_PER_BATCH):
        run.store.client().log_batch(run.run_id, params=params[start : start + _PARAMS_PER_BATCH])


def _prolong(store: Store, parent_run_id: str) -> None:
    """Sets a finished parent's end time to now, so that its duration covers all children; a running parent is unchanged."""
    if store.client().get_run(parent_run_id).info.status == "FINISHED":
        store.client().set_terminated(parent_run_id, "FINISHED")
