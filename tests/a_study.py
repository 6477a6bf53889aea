"""A study with all that MLflow keeps, and what a store holds of it, to compare."""

from pathlib import Path

import pytest

from imgfp.tracking import Store, log_checkpoint, parent_run, tracked_run
from imgfp.tracking.checkpoint import PATH_TAG
from imgfp.tracking.default_store import default_store
from imgfp.tracking.study_registry import IMPORTED_TAG, VERSIONS_TAG, pages


def contents(store: Store, experiment: str) -> dict[str, object]:
    """All that a study moves, without ids, by name."""
    client, key = store.client(), store.experiment_id(experiment)
    runs = {run.info.run_id: run for run in pages(lambda t: client.search_runs([key], page_token=t))}
    names = {run_id: run.info.run_name for run_id, run in runs.items()}
    found: dict[str, object] = {"tags": dict(client.get_experiment(key).tags)}
    for run_id, run in runs.items():
        tags = {k: v for k, v in run.data.tags.items() if k not in (IMPORTED_TAG, "mlflow.parentRunId")}
        history = {
            k: [(repr(m.value), m.timestamp, m.step) for m in client.get_metric_history(run_id, k)]
            for k in run.data.metrics
        }
        data = [(item.dataset.name, item.dataset.digest, item.dataset.source, item.dataset.profile, [(t.key, t.value) for t in item.tags]) for item in run.inputs.dataset_inputs]  # fmt: skip
        files = Path(client.download_artifacts(run_id, "")) if client.list_artifacts(run_id) else None
        artifacts = (
            {p.relative_to(files).as_posix(): p.read_text() for p in files.rglob("*") if p.is_file()} if files else {}
        )
        outputs = [
            (client.get_logged_model(o.model_id).name, o.step) for o in client.get_run(run_id).outputs.model_outputs
        ]
        found[run.info.run_name] = (
            (run.info.status, run.info.start_time, run.info.end_time, dict(run.data.params), tags),
            (history, data, artifacts, outputs, names.get(run.data.tags.get("mlflow.parentRunId", ""))),
        )
    for item in pages(lambda t: client.search_logged_models([key], page_token=t)):
        model = client.get_logged_model(item.model_id)
        figures = {
            (m.key, m.value, m.timestamp, m.step, m.dataset_name, m.dataset_digest, names[m.run_id])
            for m in model.metrics
        }
        tags = {k: v for k, v in model.tags.items() if k not in (IMPORTED_TAG, PATH_TAG, VERSIONS_TAG)}
        found[model.name] = (
            names[model.source_run_id],
            str(model.status),
            model.params,
            model.model_type,
            figures,
            tags,
        )
    return found


def fill(store: Store, folder: Path, experiment: str = "study") -> str:
    """A sweep with two children, the second with a checkpoint, a failed run, and a later run that judges the checkpoint."""
    from mlflow.entities import Metric

    weights, card, page = folder / "epoch-001.safetensors", folder / "epoch-001.json", folder / "report.html"
    weights.write_bytes(b"weights")
    card.write_text("{}")
    page.write_text("<p>fine</p>")
    parent = parent_run(store, experiment, "a key", "sweep")
    with tracked_run(store, experiment, "first", {"seed": 0}, parent=parent) as run:
        run.log_metrics({"loss": float("nan")})
    many = {f"key{number}": number for number in range(150)}
    with tracked_run(store, experiment, "second", many, "seed: 1\n", {"a tag": "its value"}, parent) as run:
        for step in range(3):
            run.log_metrics({"loss": 3.0 - step, "uap": None}, step)
        run.log_dataset("isc-mini", folder, "0123456789", queries=7)
        run.log_artifact(page, "reports")
        model = log_checkpoint(run, weights, card, {"margin": 1}, {"uap": 0.5}, 3, ("isc-mini", "0123456789"))
        second = run.run_id
    with pytest.raises(RuntimeError), tracked_run(store, experiment, "broken", {}):
        raise RuntimeError("broken")
    with tracked_run(store, experiment, "judged", {}) as run:
        figure = Metric("uap", 0.6, 1_700_000_000_000, 3, model, "isc-full", "abc", run.run_id)
        store.client().log_batch(run.run_id, metrics=[figure])
    client = store.client()
    client.set_experiment_tag(store.experiment_id(experiment), "mlflow.note.content", "what was tried")
    client.create_registered_model(experiment)
    with default_store(store.uri):
        client.create_model_version(experiment, f"models:/{model}", model_id=model, description="the best")
    client.set_registered_model_alias(experiment, "champion", "1")
    return second
