"""One set of descriptors evaluated and tracked under every chosen normalisation, and the champion among checkpoints."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from imgfp.apps.descriptor_set import encoder_of
from imgfp.apps.evaluation_check import MAX_DIM
from imgfp.apps.schemas import DescriptorsApp
from imgfp.apps.sweep_job import fingerprint_of, hand_over, sweep_parent, take_over
from imgfp.descriptors import PLAIN, Normalisation, rank
from imgfp.encoders import resolve_encoder
from imgfp.files import hash_value
from imgfp.images import write_failures
from imgfp.records import Pairs
from imgfp.reports.console import failures_line
from imgfp.studies.checkpoints import Checkpoint
from imgfp.studies.descriptor_run import Evaluated, run_title, track_evaluation
from imgfp.studies.judged_descriptors import JudgedDescriptors
from imgfp.studies.judged_run import Tracking
from imgfp.tracking import NEVER, Contender, Parent, Store, move_champion, open_store, registered_page
from imgfp.tracking.outage import outage

_NOT_PARAMS = ("app", "plugins", "paths", "tracking", "encoder", "champion", "resume", "fail_fast")
ANSWERS, CAP = 10, "global"  # the challenge's


@dataclass(frozen=True)
class TaggedRun:
    """Tags of a run, and the id of an interrupted run that it completes."""

    tags: Mapping[str, str]
    resume: str | None = None


def chosen(app: DescriptorsApp) -> dict[str, Normalisation | None]:
    """The normalisations by name, in order; None is "none"."""
    return {name: None if name == PLAIN else kind for name, kind in app.normalisation.items()}


def evaluate_set(
    config: DictConfig,
    app: DescriptorsApp,
    judged: JudgedDescriptors,
    names: Sequence[str],
    parent: Parent | None = None,
    checkpoint: Checkpoint | None = None,
    runs: Mapping[str, TaggedRun] | None = None,
) -> tuple[dict[str, Evaluated], Path]:
    """Ranks, evaluates and tracks a set under each of the normalisations `names`.

    Args:
        config: As composed by Hydra: what MLflow shows.
        app: The same, typed.
        judged: The set.
        names: Of normalisations in the configuration.
        parent: Of the runs; None: that of a sweep, where this is a job of one, which reuses what is finished.
        checkpoint: The export that computed the descriptors.
        runs: By normalisation, see `TaggedRun`.

    Returns:
        The new evaluations by normalisation, and the folder in which each has its own.
    """
    settings: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    known = [settings[key] for key in ("normalisation", "pca", "whiten", "answers", "cap")]
    out = Path(app.paths.work) / judged.name / hash_value([judged.digest, known])[:8]
    params = {key: value for key, value in settings.items() if key not in _NOT_PARAMS}
    if judged.stages:
        params["encoder"] = asdict(resolve_encoder(encoder_of(app)))
    mlruns, experiment = app.paths.mlruns, app.tracking.experiment
    text, plain = OmegaConf.to_yaml(config, resolve=True), None
    done: dict[str, Evaluated] = {}
    for name in names:
        normalisation = chosen(app)[name]
        own = {"name": name} if normalisation is None else {"name": name, **asdict(normalisation)}
        above = parent or sweep_parent(**{"normalisation": name} if len(names) > 1 else {})
        fingerprint = fingerprint_of(params | {"normalisation": own}, judged.digest)
        title = run_title(judged, name, checkpoint)
        reusable = parent is None and app.resume
        if reusable and take_over(open_store(mlruns), experiment, fingerprint, above, title) is not None:
            continue
        plain = plain or _rank(judged, None, app)
        rankings = {PLAIN: plain} if normalisation is None else {PLAIN: plain, name: _rank(judged, normalisation, app)}
        tracking = Tracking(mlruns, experiment, params | {"normalisation": own}, text, above, fingerprint)
        run = (runs or {}).get(name, TaggedRun({}))
        done[name] = track_evaluation(
            *(judged, name, rankings, out / name, tracking),
            *(checkpoint, is_official(app, judged.query.dim), run.tags, run.resume),
        )
        if parent is None:
            hand_over(above, done[name].run_id, done[name].figures.figures())
    return done, out


def is_official(app: DescriptorsApp, dim: int) -> bool:
    """Whether plain figures are the network's own by the challenge's rules."""
    return (app.answers, app.cap, app.pca) == (ANSWERS, CAP, None) and dim <= MAX_DIM


def tell_champion(
    store: Store,
    app: DescriptorsApp,
    checkpoint: Checkpoint,
    uap: float,
    data: tuple[str, str],
    official: bool,
    elsewhere: bool = False,
) -> None:
    """Moves the alias `champion` if the checkpoint deserves it, and prints what was done or why not.

    `elsewhere`: whether the store did not take all of the evaluation.
    """
    if app.champion == NEVER:
        return
    if not official:
        print(
            f"champion: not moved: it is chosen by the challenge's rules (answers={ANSWERS}, cap={CAP}, no pca, at most "
            f"{MAX_DIM} dimensions)"
        )
    elif elsewhere:
        print(
            f"champion: not moved: {store.name} has not taken this evaluation: bring it in, then rerun with resume=false"
        )
    else:
        try:
            print(move_champion(store, Contender(checkpoint.weights, uap, data), app.champion))
            print(f"its versions: {registered_page(store)}")
        except Exception as error:  # the evaluation itself is complete
            if (reason := outage(error)) is None:
                raise
            print(f"champion: not moved: {store.name}: {reason}")


def left_out_lines(judged: JudgedDescriptors, listing: Path) -> list[str]:
    """One line for each kind of item without a descriptor: images that were skipped (listed in a file), ids without one."""
    lines = [failures_line(judged.failures, listing)] if judged.failures else []
    write_failures(listing, judged.failures)
    failed = np.array([failure.path.stem for failure in judged.failures], dtype=str)
    for what, listed, described in (
        ("queries", judged.truth.queries, judged.query.ids),
        ("true references", np.unique(judged.truth.reference_ids), judged.reference.ids),
    ):
        missing = np.setdiff1d(np.setdiff1d(listed, described), failed)
        if len(missing):
            lines.append(
                f"{len(missing)} of {len(listed)} {what} of the ground truth have no descriptor "
                f"(first: {missing[0]}): their pairs count as missed"
            )
    return lines


def protocol(app: DescriptorsApp, name: str, queries: int, references: int, dim: int) -> str:
    """What is evaluated and by which rule, in one line."""
    whole = f"the best {queries * app.answers:,} pairs overall"
    rule = whole if app.cap == CAP else f"the best {app.answers} per query"
    return f"{name}: {queries:,} queries, {references:,} references, descriptors of {dim} dimensions, {rule}"


def _rank(judged: JudgedDescriptors, normalisation: Normalisation | None, config: DescriptorsApp) -> Pairs:
    background = None if normalisation is None else judged.background
    return rank(judged.query, judged.reference, judged.truth, background, normalisation, config.answers, config.cap)
