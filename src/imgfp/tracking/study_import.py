"""Brings a study into a store, once: runs and models keep the id that they had as a tag, and get new ids."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from imgfp.files import file_lock
from imgfp.progress import track
from imgfp.tracking.notes import NOTE_TAG, SWEPT_TAG, moved_note, set_note, write_note
from imgfp.tracking.parent import PARENT_TAG, SWEEP_TAG, find_parent
from imgfp.tracking.run import CONTINUES_TAG
from imgfp.tracking.store import Store
from imgfp.tracking.study_export import run_or_none
from imgfp.tracking.study_models import bring_model
from imgfp.tracking.study_records import (
    ARTIFACTS,
    MODELS,
    RUNS,
    ModelRecord,
    RunRecord,
    Tables,
    read_metrics,
    read_model,
    read_run,
    read_tables,
)
from imgfp.tracking.study_registry import IMPORTED_TAG, bring_registered
from imgfp.tracking.study_state import BEGUN_TAG, Imported, ImportState, batched, origin_of

_BATCH, _METRICS = 100, 1000  # MLflow's limits


def import_study(folder: Path, contents: dict[str, Any], store: Store, join: bool = False) -> Imported:
    """Brings a study into a store. What an earlier import has finished is left alone, what it has not is completed.

    Args:
        folder: The study's folder.
        contents: Its table of contents, checked; see `reading_study`.
        store: The store.
        join: Whether the study is of a fallback store: then the rest of a run goes to that run, and children to the sweep's
            own parent run, which gets the later figures.

    Raises:
        InputError: A file that is no description of the run or model that it should be, see `study_records`; an experiment
            that was deleted in the store.
    """
    with file_lock(store.folder / ".import.lock"):  # of two imports at once on this machine
        return _Import(folder, store, join, *_read(folder, contents)).run()


def _read(folder: Path, contents: dict[str, Any]) -> tuple[Tables, dict[str, RunRecord], list[ModelRecord]]:
    """All that is to be imported, so that a study with a defect leaves nothing in the store."""
    tables = read_tables(folder, contents)
    runs = {name: read_run(folder, name, tables) for name in contents[RUNS]}
    models = [read_model(folder, name, tables) for name in contents[MODELS]]
    for name in runs:
        for _ in read_metrics(folder, name):  # only checks them: they may be many
            pass
    return tables, runs, models


@dataclass
class _Import(ImportState):
    """The runs of a study, and in their order all else."""

    _places: dict[str, tuple[str, str]] = field(default_factory=dict)  # by the id in the study: experiment and run here
    _joined: set[str] = field(default_factory=set)  # ids in the study of runs whose figures go to a run that is here

    def run(self) -> Imported:
        unfinished = []
        for own in track(self.runs.values(), len(self.runs), "import", "runs"):
            if self._place(own):
                unfinished.append(own)
        for model in self.models:
            self._model(model)
        for own in unfinished:
            self._finish(own)
        for item in self.tables.registered:
            bring_registered(self.store, item, self.model_ids)
        return self.done

    def _place(self, own: RunRecord) -> bool:
        """Finds the run in the store, or creates it there and logs what it consists of; whether it must be finished."""
        name = own.run_id
        self.run_ids[name], complete = self._found(own)
        if complete:
            self._places[name] = self.experiment(own.experiment), self.run_ids[name]
            self.done.present += 1
            return False
        if not self.run_ids[name]:
            tags = self._tags(own) | {BEGUN_TAG: origin_of(own, name)}
            first, rest = dict(list(tags.items())[:_BATCH]), list(tags.items())[_BATCH:]
            made = self.client.create_run(self.experiment(own.experiment), own.start_time, first, own.name)
            self.run_ids[name] = made.info.run_id
            for key, value in rest:
                self.client.set_tag(made.info.run_id, key, value)
        self._places[name] = self.experiment(own.experiment), self.run_ids[name]
        self._log(own, self.run_ids[name])
        return True

    def _found(self, own: RunRecord) -> tuple[str, bool]:
        """The id here, empty if it is not; and whether nothing is missing."""
        base = own.tags.get(CONTINUES_TAG) if self.join else None
        if base and (found := run_or_none(self.client, base)) is not None:
            self._joined.add(own.run_id)
            return base, _joined_tag(own.run_id) in found.data.tags
        self.experiment(own.experiment)
        origin = origin_of(own, own.run_id)
        if origin in self.known:
            return self.known[origin]
        if run_or_none(self.client, origin) is not None:  # it comes from this very store
            return origin, True
        key = own.tags.get(SWEEP_TAG) if self.join else None
        parent = find_parent(self.store, own.experiment, key) if key else None
        if parent is None:
            return "", False
        here = self.client.get_run(parent)
        if (own.end_time or 0) < (here.info.end_time or 0):  # the sweep has gone on here since
            return parent, True
        self._joined.add(own.run_id)
        return parent, _joined_tag(own.run_id) in here.data.tags

    def _tags(self, own: RunRecord) -> dict[str, str]:
        """Its tags; the parent's is the parent's id here, and left out where the parent is not here."""
        tags = {key: value for key, value in own.tags.items() if key not in (IMPORTED_TAG, BEGUN_TAG)}
        if parent := tags.pop(PARENT_TAG, None):
            here = self.run_ids.get(parent) or (parent if run_or_none(self.client, parent) is not None else None)
            tags |= {PARENT_TAG: here} if here else {}
        return tags

    def _log(self, own: RunRecord, run_id: str) -> None:
        """Params, metrics, data sets and artifacts; logging the same again changes nothing."""
        from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

        client, name = self.client, own.run_id
        if own.run_id in self._joined:
            kept = {key: value for key, value in self._tags(own).items() if not key.startswith("mlflow.")}
            kept.pop(CONTINUES_TAG, None)
            for some in batched([RunTag(key, value) for key, value in kept.items()], _BATCH):
                client.log_batch(run_id, tags=some)
        for part in batched([Param(key, value) for key, value in own.params.items()], _BATCH):
            client.log_batch(run_id, params=part)
        for rows in batched(read_metrics(self.folder, name), _METRICS):
            client.log_batch(run_id, metrics=[Metric(*row) for row in rows])
            self.done.metrics += len(rows)
        for item in own.datasets:
            tags = [InputTag(key, value) for key, value in item.tags.items()]
            client.log_inputs(run_id, datasets=[DatasetInput(Dataset(**asdict(item.dataset)), tags)])
        if (artifacts := self.folder / RUNS / name / ARTIFACTS).is_dir():
            client.log_artifacts(run_id, str(artifacts))
            self.done.files += sum(path.is_file() for path in artifacts.rglob("*"))

    def _model(self, own: ModelRecord) -> None:
        bring_model(self, own)

    def _finish(self, own: RunRecord) -> None:
        """Links the run with its models, sets its status, and then the tag that says that it is complete."""
        from mlflow.entities import LoggedModelInput, LoggedModelOutput, Metric

        name, client = own.run_id, self.client
        run_id = self.run_ids[name]
        for model in self.models:
            model_id = self.model_ids[model.model_id]
            rows = [row for row in model.metrics if row[4] == name]
            metrics = [
                Metric(key, value, timestamp, step, model_id, data, digest, run_id)
                for key, value, timestamp, step, _, data, digest in rows
            ]
            for part in batched(metrics, _METRICS):
                client.log_batch(run_id, metrics=part)
        here = client.get_run(run_id)
        inputs = {self.model_ids[item] for item in own.model_inputs if item in self.model_ids}
        if inputs := inputs - {item.model_id for item in (here.inputs.model_inputs if here.inputs else ())}:
            client.log_inputs(run_id, models=[LoggedModelInput(item) for item in sorted(inputs)])
        linked = {item.model_id for item in (here.outputs.model_outputs if here.outputs else ())}
        outputs = [
            LoggedModelOutput(self.model_ids[item], step)
            for item, step in own.model_outputs
            if item in self.model_ids and self.model_ids[item] not in linked
        ]
        if outputs:
            client.log_outputs(run_id, outputs)
        self.done.runs += 1
        self._describe(own, run_id)
        if own.status == "RUNNING":  # more may come: the next import looks again
            return
        client.set_terminated(run_id, own.status, own.end_time)
        if own.run_id in self._joined:
            client.set_tag(run_id, _joined_tag(name), name)
        else:
            client.set_tag(run_id, IMPORTED_TAG, origin_of(own, name))
            client.delete_tag(run_id, BEGUN_TAG)

    def _describe(self, own: RunRecord, run_id: str) -> None:
        """The run's description, with links to the runs here."""
        from mlflow.entities import RunTag

        moved = moved_note(own.tags, self._places)
        if own.run_id not in self._joined:
            self.client.log_batch(run_id, tags=[RunTag(key, value) for key, value in moved.items()])
        elif SWEPT_TAG in own.tags:
            set_note(self.store, run_id, moved.get(NOTE_TAG, own.tags.get(NOTE_TAG, "")))
        else:
            write_note(self.store, run_id)


def _joined_tag(run_id: str) -> str:
    """Says that the run with this id in a fallback store was added to the run that has the tag."""
    return f"{IMPORTED_TAG}.{run_id[:12]}"
