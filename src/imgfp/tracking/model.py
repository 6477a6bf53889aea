"""The one entry of a weights file among MLflow's models, and the figures that evaluations add to it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imgfp.files import file_lock
from imgfp.tracking.checkpoint import DIGEST_LENGTH, HASH_TAG, PATH_TAG
from imgfp.tracking.metric_names import check_metric_names
from imgfp.tracking.run import Run, kept
from imgfp.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel


@dataclass(frozen=True)
class Weights:
    """A weights file. `title`: what it is called in MLflow; `sha256`: of its bytes; `card`: its model card."""

    path: Path
    card: Path
    sha256: str
    title: str


def find_model(store: Store, sha256: str, path: Path) -> LoggedModel | None:
    """The entry of these weights: the one logged for `path`, else the oldest; None where they were never logged."""
    client = store.client()
    found = client.search_logged_models(
        [experiment.experiment_id for experiment in client.search_experiments()],
        filter_string=f"tags.`{HASH_TAG}` = '{sha256}'",
        order_by=[{"field_name": "creation_timestamp", "ascending": True}],
        max_results=1000,
    )
    ready = [model for model in found if str(model.status) == "READY"]  # others were interrupted
    wanted = str(path.resolve())
    return next((model for model in ready if model.tags.get(PATH_TAG) == wanted), ready[0] if ready else None)


@kept
def log_evaluation(run: Run, weights: Weights, figures: Mapping[str, float | None], data: tuple[str, str]) -> str:
    """Logs the figures of an evaluation to its run, and to the entry of the weights in MLflow's models.

    Weights that no training has logged get an entry of their own. Figures that the entry has already are not repeated
    there. An entry whose file was moved or removed gets the path of this one.

    Args:
        run: the evaluation's run.
        weights: what was evaluated.
        figures: metrics by name; for None see `Run.log_metrics`.
        data: name and digest of the data set.

    Returns:
        The id of the entry.

    Raises:
        ValueError: a name that is not one of the project's metrics.
    """
    from mlflow.entities import LoggedModelInput, Metric

    check_metric_names(figures)
    client, (name, digest) = run.store.client(), (data[0], data[1][:DIGEST_LENGTH])
    with file_lock(run.store.lock_path):  # of two evaluations of the same weights, only one creates the entry
        model = find_model(run.store, weights.sha256, weights.path) or _create(run, weights)
    if not Path(model.tags.get(PATH_TAG, "")).is_file():
        client.set_logged_model_tags(model.model_id, {PATH_TAG: str(weights.path.resolve())})
    if model.source_run_id != run.run_id:
        client.log_inputs(run.run_id, models=[LoggedModelInput(model.model_id)])
    known = {
        (item.key, item.value)
        for item in model.metrics or []
        if (item.dataset_name, item.dataset_digest) == (name, digest)
    }
    now, attached = time.time_ns() // 1_000_000, (model.model_id, name, digest, run.run_id)
    metrics = [
        Metric(key, float(value), now, 0, *(() if (key, float(value)) in known else attached))
        for key, value in figures.items()
        if value is not None
    ]
    client.log_batch(run.run_id, metrics=metrics)
    run.log_metrics({key: value for key, value in figures.items() if value is None})
    return str(model.model_id)


def _create(run: Run, weights: Weights) -> LoggedModel:
    from mlflow.entities import LoggedModelOutput

    client = run.store.client()
    model = client.create_logged_model(
        client.get_run(run.run_id).info.experiment_id,
        name=re.sub(r"[/:.%\"']", "_", weights.title),  # MLflow allows none of these
        source_run_id=run.run_id,
        tags={PATH_TAG: str(weights.path.resolve()), HASH_TAG: weights.sha256},
        model_type="descriptor network",
    )
    client.log_model_artifact(model.model_id, str(weights.card))
    client.log_outputs(run.run_id, [LoggedModelOutput(model.model_id, 0)])
    return client.finalize_logged_model(model.model_id, "READY")  # last: an interrupted entry is not found again
