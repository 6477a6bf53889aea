"""Writes runs of a store as a study: a folder of JSON files and artifacts, which any store can import."""

from __future__ import annotations

import difflib
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgfp.errors import InputError
from imgfp.progress import track
from imgfp.tracking.checkpoint import PATH_TAG
from imgfp.tracking.outage import not_found
from imgfp.tracking.parent import PARENT_TAG
from imgfp.tracking.store import Store
from imgfp.tracking.study_records import ARTIFACTS, MODELS, RUNS, WEIGHTS
from imgfp.tracking.study_registry import pages, registered

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run

_PAGE = 500


@dataclass(frozen=True)
class Exported:
    """What a study contains: its table of contents, and the checkpoints whose weights were asked for but not found."""

    contents: dict[str, Any]
    missing_weights: tuple[str, ...]


def write_study(store: Store, names: Sequence[str], folder: Path, weights: bool = False) -> Exported:
    """Writes runs with their parents and children, their models and artifacts into the empty folder `folder`.

    Args:
        store: The store, which is only read.
        names: Experiments and run ids; none: everything.
        folder: Receives the files.
        weights: Whether the weights that the models only refer to are copied too.

    Raises:
        InputError: No such experiment or run; nothing to export.
    """
    client = store.client()
    experiments = {
        item.experiment_id: item for item in pages(lambda token: client.search_experiments(page_token=token))
    }
    runs = _selected(client, experiments, names, store.name)
    models, missing = {}, []
    for run in track(runs, len(runs), "export", "runs"):
        _write_run(store, run, experiments[run.info.experiment_id].name, folder / RUNS / run.info.run_id)
    for model in _models_of(client, runs):
        where = folder / MODELS / model.model_id
        _write_model(store, model, experiments[model.experiment_id].name, where)
        if weights and not _copy_weights(model, where / WEIGHTS):
            missing.append(f"{model.name} ({model.tags.get(PATH_TAG, 'no path')})")
        models[model.model_id] = model
    used = {run.info.experiment_id for run in runs} | {model.experiment_id for model in models.values()}
    contents = {
        "experiments": [
            {"name": experiments[item].name, "tags": dict(experiments[item].tags)} for item in sorted(used)
        ],
        "runs": [run.info.run_id for run in runs],
        "models": list(models),
        "registered": registered(client, set(models)),
    }
    return Exported(contents, tuple(missing))


def _selected(client: MlflowClient, experiments: dict[str, Any], names: Sequence[str], store: str) -> list[Run]:
    """The runs of the named experiments, the named runs with all their relatives; parents before their children."""
    by_name = {item.name: key for key, item in experiments.items()}
    whole = {by_name[name] for name in names if name in by_name} if names else set(experiments)
    found = {run.info.run_id: run for key in sorted(whole, key=int) for run in _runs(client, key)}
    for name in names:
        if name in by_name or name in found:
            continue
        run = run_or_none(client, name)
        if run is None:
            near = difflib.get_close_matches(name, by_name, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"experiments: {', '.join(sorted(by_name))}"
            raise InputError(f"{store}: no experiment or run {name!r}; {hint}")
        found |= {item.info.run_id: item for item in _family(client, run)}
    if not found:
        raise InputError(f"{store}: no runs in {', '.join(names) or 'this store'}: nothing to export")
    return list(_parents_first(found))


def _family(client: MlflowClient, run: Run) -> Iterator[Run]:
    """A run, its ancestors, and all below it."""
    ancestor: Run | None = run
    while ancestor is not None:
        yield ancestor
        ancestor = run_or_none(client, _parent(ancestor)) if _parent(ancestor) else None
    below, seen = [run.info.run_id], {run.info.run_id}
    for parent in below:
        for child in _runs(client, run.info.experiment_id, f"tags.`{PARENT_TAG}` = '{parent}'"):
            if child.info.run_id not in seen:
                seen.add(child.info.run_id)
                below.append(child.info.run_id)
                yield child


def _parents_first(runs: dict[str, Run]) -> Iterator[Run]:
    """All runs by start, each after its parent."""
    given: set[str] = set()

    def lineage(run: Run) -> list[Run]:
        line = [run]
        while (above := runs.get(_parent(line[-1]))) is not None and above not in line:
            line.append(above)
        return line[::-1]

    for run in sorted(runs.values(), key=lambda item: (item.info.start_time, item.info.run_id)):
        for item in lineage(run):
            if item.info.run_id not in given:
                given.add(item.info.run_id)
                yield item


def _parent(run: Run) -> str:
    return str(run.data.tags.get(PARENT_TAG, ""))


def run_or_none(client: MlflowClient, run_id: str) -> Run | None:
    """The run if there is such a run, not a deleted one."""
    if re.fullmatch(r"[0-9a-f]{32}", run_id) is None:
        return None
    try:
        run = client.get_run(run_id)
    except Exception as error:
        if not_found(error):
            return None
        raise
    return run if run.info.lifecycle_stage == "active" else None


def model_or_none(client: MlflowClient, model_id: str) -> LoggedModel | None:
    """The logged model if there is such a model."""
    try:
        return client.get_logged_model(model_id)
    except Exception as error:
        if not_found(error):
            return None
        raise


def _runs(client: MlflowClient, experiment: str, wanted: str = "") -> Iterator[Run]:
    return pages(lambda token: client.search_runs([experiment], wanted, max_results=_PAGE, page_token=token))


def _write_run(store: Store, run: Run, experiment: str, folder: Path) -> None:
    """One run: `run.json`, `metrics.jsonl` with whole histories, and its artifacts."""
    folder.mkdir(parents=True)
    client = store.client()
    with (folder / "metrics.jsonl").open("w", encoding="utf-8") as lines:
        for key in sorted(run.data.metrics):
            for item in client.get_metric_history(run.info.run_id, key):
                lines.write(json.dumps([item.key, item.value, item.timestamp, item.step]) + "\n")
    info = run.info
    # search_runs of a server gives no model outputs in some versions
    whole = client.get_run(info.run_id)
    inputs, outputs = whole.inputs, whole.outputs
    described = {
        "run_id": info.run_id,
        "experiment": experiment,
        "name": info.run_name,
        "status": info.status,
        "start_time": info.start_time,
        "end_time": info.end_time,
        "params": dict(run.data.params),
        "tags": dict(run.data.tags),
        "datasets": [
            {"dataset": dict(item.dataset), "tags": {tag.key: tag.value for tag in item.tags}}
            for item in (inputs.dataset_inputs if inputs else ())
        ],
        "model_inputs": [item.model_id for item in (inputs.model_inputs if inputs else ())],
        "model_outputs": [[item.model_id, item.step] for item in (outputs.model_outputs if outputs else ())],
    }
    _write_json(folder / "run.json", described)
    _download(store, info.artifact_uri, folder / ARTIFACTS)


def _models_of(client: MlflowClient, runs: Iterable[Run]) -> Iterator[LoggedModel]:
    """The models that the runs logged."""
    ids = {run.info.run_id for run in runs}
    for experiment in sorted({run.info.experiment_id for run in runs}, key=int):
        for model in pages(
            lambda token, e=experiment: client.search_logged_models([e], max_results=50, page_token=token)
        ):
            if model.source_run_id in ids:
                yield client.get_logged_model(model.model_id)


def _write_model(store: Store, model: LoggedModel, experiment: str, folder: Path) -> None:
    """One model: `model.json` and its artifacts."""
    folder.mkdir(parents=True)
    described = {
        "model_id": model.model_id,
        "experiment": experiment,
        "name": model.name,
        "source_run_id": model.source_run_id,
        "type": model.model_type,
        "status": str(model.status),
        "tags": dict(model.tags),
        "params": dict(model.params),
        "metrics": [
            [item.key, item.value, item.timestamp, item.step, item.run_id, item.dataset_name, item.dataset_digest]
            for item in model.metrics or ()
        ],
    }
    _write_json(folder / "model.json", described)
    _download(store, model.artifact_location, folder / ARTIFACTS)


def _copy_weights(model: LoggedModel, folder: Path) -> bool:
    path = Path(model.tags.get(PATH_TAG, ""))
    if not path.is_file():
        return False
    folder.mkdir()
    shutil.copyfile(path, folder / path.name)
    return True


def _download(store: Store, location: str, folder: Path) -> None:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository = get_artifact_repository(location, tracking_uri=store.uri)
    if repository.list_artifacts():
        folder.mkdir()
        repository.download_artifacts("", str(folder))


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True), encoding="utf-8")
