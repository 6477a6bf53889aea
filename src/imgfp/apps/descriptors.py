"""What evaluate/descriptors.py does: one set of descriptors evaluated by the descriptor track's rules, and tracked."""

import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from imgfp.apps.descriptor_groups import PLAIN
from imgfp.apps.schemas import DescriptorsApp, settings_of
from imgfp.apps.sweep_job import fingerprint_of, hand_over, sweep_parent, take_over
from imgfp.datasets.disc_set import DiscSet
from imgfp.descriptors import Normalisation, rank
from imgfp.encoders import EncoderConfig, create_encoder, resolve_encoder
from imgfp.errors import LEFT_OUT, OK, InputError
from imgfp.files import hash_value
from imgfp.metrics import IscMetrics, evaluate, label_pairs, precision_recall
from imgfp.records import Pairs
from imgfp.reports import Curve, precision_recall_figure
from imgfp.reports.console import print_stages, report_failures, ui_hint
from imgfp.studies.judged_descriptors import JudgedDescriptors, add_background, encode_set, is_descriptor_file, read_set
from imgfp.studies.judged_run import Tracking, figures_table
from imgfp.tracking import comparison, describe, open_store, tracked_run

MAX_DIM = 256  # the challenge's limit
_NOT_PARAMS = ("app", "plugins", "paths", "tracking", "encoder", "resume", "fail_fast")


def judge(config: DictConfig) -> int:
    """Evaluates one set under every chosen normalisation; the exit code says whether anything was left out."""
    app = settings_of(config, DescriptorsApp)
    chosen: dict[str, Normalisation | None] = {
        name: None if name == PLAIN else kind for name, kind in app.normalisation.items()
    }
    _refuse_contradictions(app)
    try:
        judged = _open(app, background=app.pca is not None or any(chosen.values()))
    except InputError as error:
        raise InputError(_named_as_given(str(error), app)) from None
    settings: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    known = [settings[key] for key in ("normalisation", "pca", "whiten", "answers", "cap")]
    out = Path(app.paths.work) / judged.name / hash_value([judged.digest, known])[:8]
    params = {key: value for key, value in settings.items() if key not in _NOT_PARAMS}
    if judged.stages:
        params["encoder"] = asdict(resolve_encoder(_encoder(app)))

    mlruns, experiment = app.paths.mlruns, app.tracking.experiment
    store = open_store(mlruns)
    figures, runs, plain = {}, [], None
    for name, normalisation in chosen.items():
        own = {"name": name} if normalisation is None else {"name": name, **asdict(normalisation)}
        parent = sweep_parent(**{"normalisation": name} if len(chosen) > 1 else {})
        fingerprint = fingerprint_of(params | {"normalisation": own}, judged.digest)
        if app.resume and take_over(store, experiment, fingerprint, parent, _title(judged, name)) is not None:
            continue
        plain = plain or _rank(judged, None, app)
        rankings = {PLAIN: plain} if normalisation is None else {PLAIN: plain, name: _rank(judged, normalisation, app)}
        text = OmegaConf.to_yaml(config, resolve=True)
        tracking = Tracking(mlruns, experiment, params | {"normalisation": own}, text, parent, fingerprint)
        figures[name], run_id = _track(judged, name, rankings, out / name, tracking)
        hand_over(parent, run_id, figures[name].figures())
        runs.append(run_id)
    left_out = max(report_failures(judged.failures, out / "failures.csv"), _report_missing(judged))
    if not runs:
        return left_out
    print_stages(judged.stages)
    print(f"{_protocol(judged, app)}\n{figures_table(figures, 'normalisation', 13)}")
    print(f"open next: {', '.join(str(out / name / 'predictions.csv') for name in figures)}")
    print(f"in MLflow: {ui_hint(store.name)}, then {describe(store, experiment)}")
    if len(runs) > 1:
        print(f"side by side: {comparison(store, experiment, runs)}")
    return left_out


def _refuse_contradictions(config: DescriptorsApp) -> None:
    """Raises InputError for settings that contradict each other or have no effect, before hours of encoding."""
    if config.whiten and config.pca is None:
        raise InputError(f"whiten=true has no effect without a projection: give pca={MAX_DIM} too")
    if config.checkpoint is not None and not Path(config.checkpoint).is_file():
        raise InputError(f"checkpoint={config.checkpoint}: no such file: give an exported network, FILE.safetensors")
    if config.checkpoint is not None and config.encoder.weights is not None:
        raise InputError(
            f"checkpoint={config.checkpoint} and encoder.weights={config.encoder.weights}: give one of them"
        )
    if config.descriptors is None:
        if config.ground_truth is not None:
            raise InputError(
                f"ground_truth={config.ground_truth} belongs to descriptors=FILE.h5: give both; "
                "images are evaluated by the ground_truth.csv in data.root"
            )
        return
    if config.ground_truth is None:
        raise InputError(f"descriptors={config.descriptors}: give its ground truth too: ground_truth=FILE.csv")
    encodes = config.background is not None and not is_descriptor_file(config.background)
    if not encodes and (config.checkpoint is not None or config.encoder != EncoderConfig()):
        raise InputError(
            f"descriptors={config.descriptors}: no image is encoded: leave checkpoint and encoder out, or descriptors"
        )


def _open(config: DescriptorsApp, background: bool) -> JudgedDescriptors:
    """The descriptors that the configuration names, projected if asked for; with the background if something needs it."""
    encoder = _encoder(config)
    work, choice = Path(config.paths.work), config.background
    if config.descriptors is not None:
        judged = read_set(Path(config.descriptors), Path(str(config.ground_truth)))
        if background and choice is None:
            raise InputError("normalisation and pca need a background set: give background=FILE.h5, or a folder")
    else:
        data = DiscSet.open(Path(config.data.root))
        if config.pca is None:  # before hours of encoding
            _require_dim(create_encoder(encoder).dim, config)
        judged = encode_set(data, encoder, work)
    if background:
        judged = add_background(judged, choice or "training", Path(config.data.root), encoder, work)
    if config.pca is not None:
        judged = judged.projected(config.pca, config.whiten)
    _require_dim(judged.query.dim, config)
    return judged


def _encoder(config: DescriptorsApp) -> EncoderConfig:
    encoder: EncoderConfig = config.encoder
    return encoder if config.checkpoint is None else replace(encoder, weights=config.checkpoint)


def _named_as_given(said: str, config: DescriptorsApp) -> str:
    """An encoder's message about its weights, with the key that the user gave."""
    given = f"checkpoint={config.checkpoint}"
    return (
        said
        if config.checkpoint is None
        else re.sub(rf"(encoder\.)?weights={re.escape(str(config.checkpoint))}", lambda _: given, said)
    )


def _require_dim(dim: int, config: DescriptorsApp) -> None:
    if config.limit_dim and dim > MAX_DIM:
        raise InputError(
            f"descriptors of {dim} dimensions: the challenge accepts at most {MAX_DIM}: "
            f"project them with pca={MAX_DIM}, or evaluate them outside its rules with limit_dim=false"
        )


def _rank(judged: JudgedDescriptors, normalisation: Normalisation | None, config: DescriptorsApp) -> Pairs:
    background = None if normalisation is None else judged.background
    return rank(judged.query, judged.reference, judged.truth, background, normalisation, config.answers, config.cap)


def _title(judged: JudgedDescriptors, normalisation: str) -> str:
    """Name of the MLflow run outside a sweep."""
    return f"{judged.name} {normalisation}"


def _track(
    judged: JudgedDescriptors, name: str, rankings: Mapping[str, Pairs], out: Path, tracking: Tracking
) -> tuple[IscMetrics, str]:
    """One MLflow run: the plain figures under their names, those of a normalisation with prefix `normalised/`.

    Returns:
        The figures under the normalisation, and the run's id.
    """
    store = open_store(tracking.folder)
    tags = {"data": judged.name, "normalisation": name, "dimensions": str(judged.query.dim)}
    title, tags = _title(judged, name), tracking.tags(tags)
    with tracked_run(
        store, tracking.experiment, title, tracking.settings, tracking.config_yaml, tags, tracking.parent
    ) as run:
        counts = len(judged.truth.queries), len(judged.reference)
        run.log_dataset(judged.name, judged.source, judged.digest, *counts)
        results = {each: evaluate(pairs, judged.truth) for each, pairs in rankings.items()}
        metrics = dict(results[PLAIN].figures())
        if name != PLAIN:
            metrics |= {f"normalised/{key}": value for key, value in results[name].figures().items()}
        if judged.rate is not None:
            metrics["images_per_second"] = judged.rate
        run.log_metrics(metrics)
        rankings[name].best_first().write_csv(out / "predictions.csv")
        run.log_artifact(out / "predictions.csv")
        curves = []
        for each, pairs in rankings.items():
            curve = precision_recall(label_pairs(pairs, judged.truth))
            curves.append(Curve(each, curve.recall, curve.precision, results[each].uap))
        precision_recall_figure(curves).savefig(out / "precision_recall.png")
        run.log_artifact(out / "precision_recall.png", "images")
        return results[name], run.run_id


def _report_missing(judged: JudgedDescriptors) -> int:
    """One line for each kind of listed id without a descriptor, except for images that were reported already."""
    failed = np.array([failure.path.stem for failure in judged.failures], dtype=str)
    code = OK
    for what, listed, described in (
        ("queries", judged.truth.queries, judged.query.ids),
        ("true references", np.unique(judged.truth.reference_ids), judged.reference.ids),
    ):
        missing = np.setdiff1d(np.setdiff1d(listed, described), failed)
        if len(missing):
            print(
                f"{len(missing)} of {len(listed)} {what} of the ground truth have no descriptor "
                f"(first: {missing[0]}): their pairs count as missed",
                file=sys.stderr,
            )
            code = LEFT_OUT
    return code


def _protocol(judged: JudgedDescriptors, config: DescriptorsApp) -> str:
    queries, answers = len(judged.truth.queries), config.answers
    whole = f"the best {queries * answers:,} pairs overall"
    rule = whole if config.cap == "global" else f"the best {answers} per query"
    return (
        f"{judged.name}: {queries:,} queries, {len(judged.reference):,} references, "
        f"descriptors of {judged.query.dim} dimensions, {rule}"
    )
