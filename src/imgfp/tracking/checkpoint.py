"""A validated checkpoint as MLflow's LoggedModel: its figures and its card, and where its one copy of weights lies."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from imgfp.tracking.metric_names import check_metric_names
from imgfp.tracking.params import flatten
from imgfp.tracking.run import Run
from imgfp.tracking.store import Store

PATH_TAG = "imgfp.path"


def log_checkpoint(
    run: Run,
    weights: Path,
    card: Path,
    params: Mapping[str, object],
    figures: Mapping[str, float | None],
    step: int,
    data: tuple[str, str] | None = None,
    kind: str = "descriptor network",
) -> str:
    """Logs one checkpoint of a run, so that MLflow's models can be sorted by their figures.

    The weights are referenced by the tag `imgfp.path`, not copied: a checkpoint lies on disk once. Logged again, after
    a run was killed between its checkpoint and its next epoch, the same weights keep their one entry.

    Args:
        run: the training run.
        weights: the file of weights.
        card: its JSON card, which is copied.
        params: what made it.
        figures: by metric name; None does not exist and is left out.
        step: the global step, the number of optimiser steps before it.
        data: name and digest of the data set that the figures were measured on.
        kind: what it is, for people who look through MLflow's models.

    Returns:
        The model's id.

    Raises:
        ValueError: a name that is not one of the project's metrics.
    """
    from mlflow.entities import LoggedModelOutput, Metric

    check_metric_names(figures)
    client = run.store.client()
    experiment = client.get_run(run.run_id).info.experiment_id
    if known := _find(run, weights):
        return known
    model = client.create_logged_model(
        experiment,
        name=weights.stem,
        source_run_id=run.run_id,
        tags={PATH_TAG: str(weights.resolve())},
        params=flatten(params),
        model_type=kind,
    )
    client.log_model_artifact(model.model_id, str(card))
    client.log_outputs(run.run_id, [LoggedModelOutput(model.model_id, step)])
    now = time.time_ns() // 1_000_000
    name, digest = data or (None, None)
    metrics = [
        Metric(key, float(value), now, step, model.model_id, name, digest, run.run_id)
        for key, value in figures.items()
        if value is not None
    ]
    client.log_batch(run.run_id, metrics=metrics)
    client.finalize_logged_model(model.model_id, "READY")  # last: one that was cut short is not found again
    return str(model.model_id)


def mark_removed(run: Run, weights: Path, reason: str) -> None:
    """Says of a logged checkpoint that its weights are no longer on disk."""
    if model_id := _find(run, weights):
        run.store.client().set_logged_model_tags(model_id, {PATH_TAG: f"removed: {reason}"})


def mark_moved(store: Store, run_id: str, old_folder: Path, new_folder: Path) -> None:
    """Says of a run's checkpoints that were logged below `old_folder` that they lie below `new_folder` now."""
    before = f"{old_folder.resolve()}/"
    for model_id, place in _places(store, run_id).items():
        if place.startswith(before):
            moved = str(new_folder.resolve() / place.removeprefix(before))
            store.client().set_logged_model_tags(model_id, {PATH_TAG: moved})


def _find(run: Run, weights: Path) -> str | None:
    wanted = str(weights.resolve())
    return next((model_id for model_id, place in _places(run.store, run.run_id).items() if place == wanted), None)


def _places(store: Store, run_id: str) -> dict[str, str]:
    """The tag `imgfp.path` of every finished checkpoint of a run, by model id."""
    client = store.client()
    known = client.search_logged_models(
        [client.get_run(run_id).info.experiment_id],
        filter_string=f"source_run_id = '{run_id}'",
        max_results=1000,
    )
    return {str(model.model_id): model.tags.get(PATH_TAG, "") for model in known if str(model.status) == "READY"}
