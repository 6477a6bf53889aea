"""Brings a study into a store, once: runs and models keep the id that they had as a tag, and get new ids."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from imgfp.errors import InputError
from imgfp.files import file_lock
from imgfp.progress import track
from imgfp.tracking.checkpoint import PATH_TAG
from imgfp.tracking.parent import SWEEP_TAG
from imgfp.tracking.run import CONTINUES_TAG
from imgfp.tracking.store import Store
from imgfp.tracking.study_export import ARTIFACTS, MODELS, RUNS, WEIGHTS, model_or_none, run_or_none
from imgfp.tracking.study_registry import IMPORTED_TAG, VERSIONS_TAG, bring_registered, pages

if TYPE_CHECKING:
    from mlflow import MlflowClient

_BEGUN_TAG = "imgfp.import_begun"
_PARENT_TAG = "mlflow.parentRunId"
_Item = TypeVar("_Item")
_BATCH, _METRICS = 100, 1000  # MLflow's limits


@dataclass
class Imported:
    """What an import has done. `present`: runs that were there already; `skipped`: figures of models by runs that are not in the study."""

    runs: int = 0
    models: int = 0
    metrics: int = 0
    files: int = 0
    present: int = 0
    skipped: int = 0

    def line(self, store: Store) -> str:
        """The counts in one line."""
        text = (
            f"{self.runs} runs, {self.models} models, {self.metrics} metric values and {self.files} files brought into "
            f"{store.name}; {self.present} runs were there already"
        )
        return text + (
            f"; {self.skipped} figures of models left out: their runs are not in the study" if self.skipped else ""
        )


def import_study(folder: Path, contents: dict[str, Any], store: Store, join: bool = False) -> Imported:
    """Brings a study into a store. What an earlier import has finished is left alone, what it has not is completed.

    Args:
        folder: The study's folder.
        contents: Its table of contents, checked; see `reading_study`.
        store: The store.
        join: Whether the study is of a fallback store: then the rest of a run goes to that run, and children to the sweep's
            own parent run.

    Raises:
        InputError: A file that is no description of a run or model; an experiment that was deleted in the store.
    """
    with file_lock(store.folder / ".import.lock"):  # of two imports at once on this machine
        try:
            return _Import(folder, contents, store, join).run()
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise InputError(f"{folder}: damaged: {type(error).__name__}: {error}: export the study again") from error


@dataclass
class _Import:
    folder: Path
    contents: dict[str, Any]
    store: Store
    join: bool
    done: Imported = field(default_factory=Imported)
    run_ids: dict[str, str] = field(default_factory=dict)  # by the id in the study
    model_ids: dict[str, str] = field(default_factory=dict)
    _experiments: dict[str, str] = field(default_factory=dict)
    _known: dict[str, tuple[str, bool]] = field(default_factory=dict)  # by the id in the study: id here, complete
    _client: MlflowClient | None = None

    @property
    def client(self) -> MlflowClient:
        if self._client is None:
            self._client = self.store.client()
        return self._client

    def run(self) -> Imported:
        unfinished = []
        for name in track(self.contents["runs"], len(self.contents["runs"]), "import", "runs"):
            if self._place(name):
                unfinished.append(name)
        models = [json.loads(self._read(MODELS, name, "model.json")) for name in self.contents["models"]]
        for model in models:
            self._model(model)
        for name in unfinished:
            self._finish(name, models)
        for item in self.contents.get("registered", ()):
            bring_registered(self.store, item, self.model_ids)
        return self.done

    def _read(self, *parts: str) -> str:
        return self.folder.joinpath(*parts).read_text(encoding="utf-8")

    def _run(self, name: str) -> dict[str, Any]:
        return dict(json.loads(self._read(RUNS, name, "run.json")))

    def _experiment(self, name: str) -> str:
        """Finds or makes the experiment; the first time adds the tags that it lacks, and reads what was imported before."""
        if name in self._experiments:
            return self._experiments[name]
        key = self._experiments[name] = self.store.experiment_id(name)
        own = self.client.get_experiment(key).tags
        (tags,) = (item["tags"] for item in self.contents["experiments"] if item["name"] == name)
        for tag, value in tags.items():
            if tag not in own:
                self.client.set_experiment_tag(key, tag, value)
        for run in pages(lambda token: self.client.search_runs([key], max_results=500, page_token=token)):
            for tag, complete in ((_BEGUN_TAG, False), (IMPORTED_TAG, True)):
                if tag in run.data.tags:
                    self._known[run.data.tags[tag]] = (run.info.run_id, complete)
        for model in pages(lambda token: self.client.search_logged_models([key], max_results=50, page_token=token)):
            if IMPORTED_TAG in model.tags:
                self._known[model.tags[IMPORTED_TAG]] = (model.model_id, str(model.status) == "READY")
        return key

    def _place(self, name: str) -> bool:
        """Finds the run in the store, or creates it there and logs what it consists of; whether it must be finished."""
        own = self._run(name)
        self.run_ids[name], complete = self._found(own)
        if complete:
            self.done.present += 1
            return False
        if not self.run_ids[name]:
            tags = self._tags(own) | {_BEGUN_TAG: _origin(own, name)}
            first, rest = dict(list(tags.items())[:_BATCH]), list(tags.items())[_BATCH:]
            made = self.client.create_run(self._experiment(own["experiment"]), own["start_time"], first, own["name"])
            self.run_ids[name] = made.info.run_id
            for key, value in rest:
                self.client.set_tag(made.info.run_id, key, value)
        self._log(own, self.run_ids[name])
        return True

    def _found(self, own: dict[str, Any]) -> tuple[str, bool]:
        """The id here, empty if it is not; and whether nothing is missing."""
        base = own["tags"].get(CONTINUES_TAG) if self.join else None
        if base and (found := run_or_none(self.client, base)) is not None:
            return base, f"{IMPORTED_TAG}.{own['run_id'][:12]}" in found.data.tags
        self._experiment(own["experiment"])
        origin = _origin(own, own["run_id"])
        if origin in self._known:
            return self._known[origin]
        if run_or_none(self.client, origin) is not None:  # it comes from this very store
            return origin, True
        if self.join and (key := own["tags"].get(SWEEP_TAG)) and (parent := self._sweep(own["experiment"], key)):
            return parent, True
        return "", False

    def _sweep(self, experiment: str, key: str) -> str | None:
        quote = '"' if "'" in key else "'"
        found = self.client.search_runs(
            [self._experiment(experiment)], f"tags.`{SWEEP_TAG}` = {quote}{key}{quote}", max_results=1
        )
        return str(found[0].info.run_id) if found else None

    def _tags(self, own: dict[str, Any]) -> dict[str, str]:
        """Its tags; the parent's is the parent's id here, and left out where the parent is not here."""
        tags = {key: str(value) for key, value in own["tags"].items() if key not in (IMPORTED_TAG, _BEGUN_TAG)}
        if parent := tags.pop(_PARENT_TAG, None):
            here = self.run_ids.get(parent) or (parent if run_or_none(self.client, parent) is not None else None)
            tags |= {_PARENT_TAG: here} if here else {}
        return tags

    def _log(self, own: dict[str, Any], run_id: str) -> None:
        """Params, metrics, data sets and artifacts; logging the same again changes nothing."""
        from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

        client, name = self.client, own["run_id"]
        if self._joined(own, run_id):
            kept = {key: value for key, value in self._tags(own).items() if not key.startswith("mlflow.")}
            kept.pop(CONTINUES_TAG)
            for some in _batched([RunTag(key, value) for key, value in kept.items()], _BATCH):
                client.log_batch(run_id, tags=some)
        for part in _batched([Param(key, value) for key, value in own["params"].items()], _BATCH):
            client.log_batch(run_id, params=part)
        for lines in _batched(self._lines(name), _METRICS):
            client.log_batch(run_id, metrics=[Metric(*json.loads(line)) for line in lines])
            self.done.metrics += len(lines)
        for item in own["datasets"]:
            tags = [InputTag(key, value) for key, value in item["tags"].items()]
            client.log_inputs(run_id, datasets=[DatasetInput(Dataset(**item["dataset"]), tags)])
        if (artifacts := self.folder / RUNS / name / ARTIFACTS).is_dir():
            client.log_artifacts(run_id, str(artifacts))
            self.done.files += sum(path.is_file() for path in artifacts.rglob("*"))

    def _joined(self, own: dict[str, Any], run_id: str) -> bool:
        return self.join and own["tags"].get(CONTINUES_TAG) == run_id

    def _lines(self, name: str) -> Iterator[str]:
        with (self.folder / RUNS / name / "metrics.jsonl").open(encoding="utf-8") as lines:
            yield from lines

    def _model(self, own: dict[str, Any]) -> None:
        """Finds the model in the store or brings it in; its figures come with the runs that logged them."""
        name, origin = own["model_id"], _origin(own, own["model_id"])
        experiment = self._experiment(own["experiment"])
        found, complete = self._known.get(origin, ("", False))
        if not found and model_or_none(self.client, origin) is not None:  # it comes from this very store
            found, complete = origin, True
        if complete:
            self.model_ids[name] = found
            return
        tags = {key: value for key, value in own["tags"].items() if key != VERSIONS_TAG} | {IMPORTED_TAG: origin}
        source = self.run_ids.get(own["source_run_id"])
        if not found and self.join and (found := self._begun_model(experiment, source, own["name"])):
            self.client.set_logged_model_tags(found, tags)
        if not found:
            found = self.client.create_logged_model(
                experiment,
                name=own["name"],
                source_run_id=source,
                tags=tags,
                params=own["params"],
                model_type=own["type"],
            ).model_id
        self.model_ids[name] = found
        for part in (ARTIFACTS, WEIGHTS):
            if (files := self.folder / MODELS / name / part).is_dir():
                self.client.log_model_artifacts(found, str(files))
                self.done.files += sum(path.is_file() for path in files.rglob("*"))
                if part == WEIGHTS:
                    self.client.set_logged_model_tags(
                        found, {PATH_TAG: self._weights(found, next(files.iterdir()).name)}
                    )
        if own["status"] in ("READY", "FAILED"):
            self.client.finalize_logged_model(found, own["status"])
        self.done.models += 1
        self.done.skipped += sum(row[4] not in self.run_ids for row in own["metrics"])

    def _begun_model(self, experiment: str, run_id: str | None, name: str) -> str:
        """The model that the run was logging when the store went away; empty if there is none."""
        found = self.client.search_logged_models([experiment], f"source_run_id = '{run_id}' AND name = '{name}'")
        return next((str(model.model_id) for model in found if str(model.status) == "PENDING"), "")

    def _weights(self, model_id: str, name: str) -> str:
        """Where the weights are now: a file of an embedded store, or an address that a server resolves."""
        from mlflow.utils.file_utils import local_file_uri_to_path

        location = self.client.get_logged_model(model_id).artifact_location
        if location.startswith("file:"):
            return str(Path(local_file_uri_to_path(location)) / name)
        return f"models:/{model_id}/{name}"

    def _finish(self, name: str, models: list[dict[str, Any]]) -> None:
        """Links the run with its models, sets its status, and then the tag that says that it is complete."""
        from mlflow.entities import LoggedModelInput, LoggedModelOutput, Metric

        own, run_id, client = self._run(name), self.run_ids[name], self.client
        for model in models:
            model_id = self.model_ids[model["model_id"]]
            rows = [row for row in model["metrics"] if row[4] == name]
            metrics = [
                Metric(key, value, timestamp, step, model_id, data, digest, run_id)
                for key, value, timestamp, step, _, data, digest in rows
            ]
            for part in _batched(metrics, _METRICS):
                client.log_batch(run_id, metrics=part)
        here = client.get_run(run_id)
        inputs = {self.model_ids[item] for item in own["model_inputs"] if item in self.model_ids}
        if inputs := inputs - {item.model_id for item in (here.inputs.model_inputs if here.inputs else ())}:
            client.log_inputs(run_id, models=[LoggedModelInput(item) for item in sorted(inputs)])
        linked = {item.model_id for item in (here.outputs.model_outputs if here.outputs else ())}
        outputs = [
            LoggedModelOutput(self.model_ids[item], step)
            for item, step in own["model_outputs"]
            if item in self.model_ids and self.model_ids[item] not in linked
        ]
        if outputs:
            client.log_outputs(run_id, outputs)
        self.done.runs += 1
        if own["status"] == "RUNNING":  # more may come: the next import looks again
            return
        client.set_terminated(run_id, own["status"], own["end_time"])
        if self._joined(own, run_id):
            client.set_tag(run_id, f"{IMPORTED_TAG}.{name[:12]}", name)
        else:
            client.set_tag(run_id, IMPORTED_TAG, _origin(own, name))
            client.delete_tag(run_id, _BEGUN_TAG)


def _origin(own: dict[str, Any], name: str) -> str:
    """The id that a run or model had in the first store, however often it was exported since."""
    return str(own["tags"].get(IMPORTED_TAG, name))


def _batched(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
