"""One evaluation of descriptors as an MLflow run: figures, predictions, the curve, and the checkpoint among the models."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imgfp.descriptors import PLAIN
from imgfp.metrics import IscMetrics, evaluate, label_pairs, precision_recall
from imgfp.records import Pairs
from imgfp.reports import Curve, precision_recall_figure
from imgfp.studies.checkpoints import Checkpoint
from imgfp.studies.judged_descriptors import JudgedDescriptors
from imgfp.studies.judged_run import Tracking
from imgfp.tracking import log_evaluation, open_store, tracked_run


@dataclass(frozen=True)
class Evaluated:
    """A tracked evaluation under one normalisation.

    Attributes:
        run_id: In MLflow.
        figures: Under the normalisation.
        metrics: As MLflow has them, the plain ones too.
        elsewhere: Whether its store did not take all of it, so that the rest is in the fallback store.
    """

    run_id: str
    figures: IscMetrics
    metrics: Mapping[str, float | None]
    elsewhere: bool = False


def run_title(judged: JudgedDescriptors, normalisation: str, checkpoint: Checkpoint | None) -> str:
    """Name of the MLflow run outside a sweep."""
    if checkpoint is None:
        return f"{judged.name} {normalisation}"
    return checkpoint.title + (f" {normalisation}" if normalisation != PLAIN else "")


def track_evaluation(
    judged: JudgedDescriptors,
    name: str,
    rankings: Mapping[str, Pairs],
    out: Path,
    tracking: Tracking,
    checkpoint: Checkpoint | None = None,
    official: bool = True,
    tags: Mapping[str, str] | None = None,
    resume: str | None = None,
) -> Evaluated:
    """One MLflow run: the plain figures under their names, those of a normalisation with prefix `normalised/`.

    Args:
        judged: What is evaluated.
        name: Of the normalisation, a key of `rankings`.
        rankings: By normalisation; "none" is always there.
        out: Folder of the files.
        tracking: Where the run goes.
        checkpoint: The export that computed the descriptors.
        official: Whether the plain figures are the checkpoint's own by the challenge's rules, so that they belong to it.
        tags: Further tags of the run.
        resume: An interrupted run of the same evaluation, which is then completed.
    """
    store = open_store(tracking.folder)
    title = run_title(judged, name, checkpoint)
    own = {"data": judged.name, "normalisation": name, "dimensions": str(judged.query.dim), **(tags or {})}
    with tracked_run(
        store,
        tracking.experiment,
        title,
        tracking.settings,
        tracking.config_yaml,
        tracking.tags(own),
        tracking.parent,
        resume,
    ) as run:
        counts = len(judged.truth.queries), len(judged.reference)
        run.log_dataset(judged.name, judged.source, judged.data_digest, *counts)
        results = {each: evaluate(pairs, judged.truth) for each, pairs in rankings.items()}
        plain = dict(results[PLAIN].figures())
        metrics: dict[str, float | None] = {}
        if name != PLAIN:
            metrics |= {f"normalised/{key}": value for key, value in results[name].figures().items()}
        if judged.rate is not None:
            metrics["images_per_second"] = judged.rate
        if checkpoint is not None and checkpoint.epoch is not None:
            metrics["epoch"] = float(checkpoint.epoch)
        if checkpoint is not None and official:
            log_evaluation(run, checkpoint.weights, plain, (judged.name, judged.data_digest))
        else:
            run.log_metrics(plain)
        run.log_metrics(metrics)
        rankings[name].best_first().write_csv(out / "predictions.csv")
        run.log_artifact(out / "predictions.csv")
        curves = []
        for each, pairs in rankings.items():
            curve = precision_recall(label_pairs(pairs, judged.truth))
            curves.append(Curve(each, curve.recall, curve.precision, results[each].uap))
        precision_recall_figure(curves).savefig(out / "precision_recall.png")
        run.log_artifact(out / "precision_recall.png", "images")
        elsewhere = run.store != store or run.continues_elsewhere
        return Evaluated(run.run_id, results[name], {**plain, **metrics}, elsewhere)
