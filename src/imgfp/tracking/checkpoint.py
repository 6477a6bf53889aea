"""Logs validated checkpoints as MLflow LoggedModels: metrics, model card and the path of the weights."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

from imgfp.files import hash_file
from imgfp.tracking.metric_names import check_metric_names
from imgfp.tracking.params import flatten
from imgfp.tracking.run import Run, kept
from imgfp.tracking.store import Store

PATH_TAG = "imgfp.path"
HASH_TAG = "imgfp.sha256"
DIGEST_LENGTH = 36  # MLflow's limit for dataset digests


@kept
def log_checkpoint(
    run: Run,
    weights: Path,
    card: Path,
    params: Mapping[str, object],
    figures: Mapping[str, float | None],
    step: int,
    data: tuple[str, str] | None = None,
    kind: str = "descriptor network",
    name: str | None = None,
    metrics_step: int | None = None,
) -> str:
    """Logs one checkpoint of a run, so that MLflow's models can be sorted by their metrics.

    The tag `imgfp.path` references the weights; they are not copied, so a checkpoint is stored once. By the tag
    `imgfp.sha256` a later evaluation finds the entry again. If a killed run logs the same weights again after it is
    resumed, the existing entry is kept.

    Args:
        run: the training run.
        weights: the weights file.
        card: its model card (JSON), which is copied.
        params: the training configuration.
        figures: metrics by name; None values are skipped.
        step: the global step, the number of optimiser steps so far.
        data: name and digest of the data set that the metrics were computed on.
        kind: model type shown in MLflow.
        name: shown in MLflow, without any of / : . % and quotes; None: the file's.
        metrics_step: the step of the metrics, which MLflow adds to the run's own of these names; None: `step`.

    Returns:
        The model's id.

    Raises:
        ValueError: a name that is not one of the project's metrics.
    """
    from mlflow.entities import LoggedModelOutput, Metric

    check_metric_names(figures)
    data = None if data is None else (data[0], data[1][:DIGEST_LENGTH])
    client = run.store.client()
    experiment = client.get_run(run.run_id).info.experiment_id
    if known := _find(run, weights):
        return known
    model = client.create_logged_model(
        experiment,
        name=name or weights.stem,
        source_run_id=run.run_id,
        tags={PATH_TAG: str(weights.resolve()), HASH_TAG: _weights_hash(weights, card)},
        params=flatten(params),
        model_type=kind,
    )
    client.log_model_artifact(model.model_id, str(card))
    client.log_outputs(run.run_id, [LoggedModelOutput(model.model_id, step)])
    now = time.time_ns() // 1_000_000
    data_name, digest = data or (None, None)
    at = step if metrics_step is None else metrics_step
    metrics = [
        Metric(key, float(value), now, at, model.model_id, data_name, digest, run.run_id)
        for key, value in figures.items()
        if value is not None
    ]
    client.log_batch(run.run_id, metrics=metrics)
    client.finalize_logged_model(model.model_id, "READY")  # last: an interrupted entry is not found again
    return str(model.model_id)


@kept
def mark_removed(run: Run, weights: Path, reason: str) -> None:
    """Marks a logged checkpoint whose weights were deleted from disk."""
    if model_id := _find(run, weights):
        run.store.client().set_logged_model_tags(model_id, {PATH_TAG: f"removed: {reason}"})


def mark_moved(store: Store, run_id: str, old_folder: Path, new_folder: Path) -> None:
    """Updates the paths of a run's logged checkpoints from `old_folder` to `new_folder`."""
    before = f"{old_folder.resolve()}/"
    for model_id, path in _paths(store, run_id).items():
        if path.startswith(before):
            moved = str(new_folder.resolve() / path.removeprefix(before))
            store.client().set_logged_model_tags(model_id, {PATH_TAG: moved})


def _weights_hash(weights: Path, card: Path) -> str:
    """sha256 of a weights file, from its card where that states it."""
    stated = json.loads(card.read_bytes()).get("sha256")
    return str(stated) if stated else hash_file(weights)


def _find(run: Run, weights: Path) -> str | None:
    wanted = str(weights.resolve())
    return next((model_id for model_id, path in _paths(run.store, run.run_id).items() if path == wanted), None)


def _paths(store: Store, run_id: str) -> dict[str, str]:
    """The tag `imgfp.path` of every finished checkpoint of a run, by model id."""
    client = store.client()
    known = client.search_logged_models(
        [client.get_run(run_id).info.experiment_id],
        filter_string=f"source_run_id = '{run_id}'",
        max_results=1000,
    )
    return {str(model.model_id): model.tags.get(PATH_TAG, "") for model in known if str(model.status) == "READY"}
