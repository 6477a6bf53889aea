"""MLflow runs: parameters, metrics, artifacts and status."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from imgfp.errors import InputError
from imgfp.progress import announce
from imgfp.tracking.create_run import create_run
from imgfp.tracking.found_runs import FINGERPRINT_TAG, close_abandoned
from imgfp.tracking.metric_names import check_metric_names
from imgfp.tracking.notes import write_note
from imgfp.tracking.outage import not_found, outage
from imgfp.tracking.params import flatten
from imgfp.tracking.parent import CHILD_TAGS, PARENT_TAG, Parent, adopt, parent_run
from imgfp.tracking.process import PROCESS_TAG, this_process
from imgfp.tracking.store import Store, open_fallback
from imgfp.tracking.views import has_view, write_view

NEVER_REACHED = "never reached"
ERROR_TAG = "imgfp.error"
CONTINUES_TAG = "imgfp.continues"  # in a fallback store: the run whose later part this is
_Result = TypeVar("_Result")
_Arguments = ParamSpec("_Arguments")
_PARAMS_PER_BATCH = 100  # MLflow's limit
_DIGEST_LENGTH = 36  # MLflow's limit for dataset digests


@dataclass(frozen=True)
class Run:
    """An active run, created by `tracked_run`.

    Attributes:
        store: where it is logged.
        run_id: its id there.
        experiment: name of its experiment; empty: not known.
    """

    store: Store
    run_id: str
    experiment: str = ""
    _elsewhere: list[Run] = field(default_factory=list, compare=False, repr=False)  # of `write`: at most one

    @property
    def continues_elsewhere(self) -> bool:
        """Whether its store has not taken something, see `write`."""
        return bool(self._elsewhere)

    def write(self, action: Callable[[Run], _Result]) -> _Result | None:
        """Calls `action` with this run, or, once the store has not taken something, with its continuation elsewhere.

        A server that has gone away or a full disk must not end a computation of hours. From the first such failure on,
        everything is logged to a run in the store's `fallback`, tagged with this run's id; `imgfp study upload` joins them.
        Where that fails too, or there is no fallback, what was to be logged is lost: the first time a warning says so.

        Returns:
            The result of `action`; None if it was lost.
        """
        if not self._elsewhere:
            try:
                return action(self)
            except Exception as error:
                reason = outage(error)
                if reason is None:
                    raise
                self._elsewhere.append(self._continuation(reason))
        run = self._elsewhere[0]
        if run is self:
            return None
        try:
            return action(run)
        except Exception as error:
            reason = outage(error)
            if reason is None:
                raise
            announce(f"warning: {run.store.name}: {reason}: this run is not logged any more")
            self._elsewhere[:] = [self]
            return None

    def _continuation(self, reason: str) -> Run:
        """Finds or creates the run in the fallback store; without such a store this run itself: nothing is logged any more."""
        try:
            store = open_fallback(self.store, f"{self.store.name}: {reason}")
            experiment = self.experiment or "unlogged"
            found = store.client().search_runs(
                [store.experiment_id(experiment)], f"tags.`{CONTINUES_TAG}` = '{self.run_id}'", max_results=1
            )
            tags = {CONTINUES_TAG: self.run_id}
            run_id = found[0].info.run_id if found else create_run(store, experiment, f"rest of {self.run_id}", tags)
            return Run(store, run_id, experiment)
        except Exception as error:
            line = str(error) if isinstance(error, InputError) else outage(error)
            if line is None:
                raise
            announce(f"warning: {line}: this run is not logged any more")
            return self

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
        self.write(lambda run: run.store.client().log_batch(run.run_id, metrics=found, tags=missing))

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
        self.write(lambda run: run.store.client().log_inputs(run.run_id, datasets=[DatasetInput(dataset, tags)]))

    def log_artifact(self, path: Path, folder: str | None = None) -> None:
        """Copies the file `path` to the run's artifacts, into `folder` there."""
        self.write(lambda run: run.store.client().log_artifact(run.run_id, str(path), folder))

    def log_images(self, folder: Path) -> None:
        """Copies everything in `folder` to `images` of the run's artifacts."""
        self.write(lambda run: run.store.client().log_artifacts(run.run_id, str(folder), "images"))

    def set_tag(self, key: str, value: str) -> None:
        """Sets a tag."""
        self.write(lambda run: run.store.client().set_tag(run.run_id, key, value))


def kept(
    action: Callable[Concatenate[Run, _Arguments], _Result],
) -> Callable[Concatenate[Run, _Arguments], _Result | None]:
    """Decorates a function that logs to the run that is its first argument: see `Run.write`."""

    @wraps(action)
    def called(run: Run, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result | None:
        return run.write(lambda target: action(target, *args, **kwargs))

    return called


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

    Raises:
        InputError: the experiment cannot be written to, see `Store.experiment_id`; the store takes no run, and there is no
            other.
    """
    flat = flatten(params)  # before the run is created: an invalid configuration leaves no empty run
    own = {**(tags or {}), PROCESS_TAG: this_process()}
    if parent is not None:
        own |= CHILD_TAGS
    sweep = parent if isinstance(parent, Parent) else None
    if resume is None:
        if sweep is not None:
            name, flat = sweep.child or name, {**sweep.settings, **flat}
        run, parent = _created(store, experiment, name, own, parent)
    else:
        run = Run(store, resume, experiment)
        if sweep is not None:
            parent = adopt(store, resume, sweep, experiment, name)
        elif parent is not None:
            own[PARENT_TAG] = str(parent)
        run.write(lambda target: _reopen(target, own))
    status = "FAILED"
    try:
        if resume is None:
            run.write(lambda target: _log_params(target, flat))
        if config_yaml is not None:
            run.write(lambda target: target.store.client().log_text(target.run_id, config_yaml, "config.yaml"))
        yield run
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    except BaseException as error:
        run.set_tag(ERROR_TAG, f"{type(error).__name__}: {error}"[:1000])
        raise
    finally:
        run.write(lambda target: target.store.client().set_terminated(target.run_id, status))
        if parent is not None and not run._elsewhere:
            _prolong(run.store, str(parent))
    run.write(_present)


def _present(run: Run) -> None:
    """The finished run's description, and its experiment's view where there is none yet."""
    write_note(run.store, run.run_id)
    experiment_id = run.store.client().get_run(run.run_id).info.experiment_id
    if not has_view(run.store, experiment_id):
        write_view(run.store, experiment_id)


def _created(
    store: Store, experiment: str, name: str, tags: Mapping[str, str], parent: str | Parent | None
) -> tuple[Run, str | None]:
    """A new run and its parent's id; in the fallback store where `store` does not take it."""
    try:
        return _create(store, experiment, name, tags, parent)
    except Exception as error:
        reason = outage(error)
        if reason is None:
            raise
        return _create(open_fallback(store, f"{store.name}: {reason}"), experiment, name, tags, parent)


def _create(
    store: Store, experiment: str, name: str, tags: Mapping[str, str], parent: str | Parent | None
) -> tuple[Run, str | None]:
    if FINGERPRINT_TAG in tags:
        close_abandoned(store, experiment, FINGERPRINT_TAG, tags[FINGERPRINT_TAG])
    above = parent_run(store, experiment, parent.key, parent.name) if isinstance(parent, Parent) else parent
    own = dict(tags) if above is None else {**tags, PARENT_TAG: above}
    return Run(store, create_run(store, experiment, name, own), experiment), above


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
    try:
        if store.client().get_run(parent_run_id).info.status == "FINISHED":
            store.client().set_terminated(parent_run_id, "FINISHED")
    except Exception as error:  # the parent of a run in a fallback store is not in there
        if outage(error) is None and not not_found(error):
            raise
