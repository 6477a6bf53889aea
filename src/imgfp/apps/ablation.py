"""What evaluate/ablation.py does: the local branch with one setting changed at a time, on a synthetic and on an evaluation set.

The ranking is fitted for every setting, to the synthetic copies. There it is evaluated by cross-validation; the evaluation set
takes no part in any fit.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from imgfp.apps.config_check import one_line
from imgfp.apps.config_node import writable_node
from imgfp.apps.hydra_app import preset_of
from imgfp.apps.schemas import AblationApp, settings_of
from imgfp.apps.synthetic_data import default_preset, photographs_of, synthetic_data
from imgfp.datasets.disc_set import DiscSet
from imgfp.errors import OK, InputError
from imgfp.files import atomic_path, hash_value, write_json
from imgfp.fusion import best_answers
from imgfp.fusion.fit import Fitted, fit_calibration
from imgfp.local.index.index_config import IndexConfig
from imgfp.local.index.neighbours import ExactIndex
from imgfp.local.store import FeatureStore
from imgfp.metrics import Difference, IscMetrics, compare, evaluate
from imgfp.pipeline.index.index import build_index, open_index
from imgfp.pipeline.preset import Preset
from imgfp.pipeline.presets import PRESETS
from imgfp.pipeline.rank import Candidates, rank_branches
from imgfp.pipeline.run_config import RunConfig
from imgfp.pipeline.stages.features import feature_stage, usable_sift
from imgfp.records import Evidence, Pairs
from imgfp.reports.console import ui_hint
from imgfp.studies.ablation import evidence_of_settings
from imgfp.tracking import describe, open_store, tracked_run

DEFAULT = "preset default"


@dataclass(frozen=True)
class Row:
    """One setting on one set. `candidates`: share of the copies whose reference is a candidate. `against`: uAP minus the default's."""

    candidates: float
    figures: IscMetrics
    against: Difference | None


def compare_settings(config: DictConfig) -> int:
    """Evaluates every change on both sets, prints the table and writes it to `out`."""
    app = settings_of(config, AblationApp)
    preset = default_preset(app)
    settings = {DEFAULT: preset} | {change: changed(preset, change) for change in app.changes}
    made, judged = synthetic_data(app, photographs_of(app)), DiscSet.open(Path(app.data.root))
    found = [_evidence(Path(app.paths.work), data, settings) for data in (made, judged)]
    fits = {
        name: fit_calibration(
            evidence, made.truth.pairs(), app.precision, app.max_missed, 0, "ablation", app.synthetic.seed
        )
        for name, (_, evidence) in found[0].items()
    }
    rows = [
        _rows(made, found[0], {name: _unseen(found[0][name][1], fit, settings[name]) for name, fit in fits.items()}),
        _rows(judged, found[1], {name: _ranked(*found[1][name], fit, settings[name]) for name, fit in fits.items()}),
    ]
    titles = [f"synthetic ({len(made.queries)} queries)", f"{judged.root.name} ({len(judged.queries)} queries)"]
    table = _table(titles, rows)
    print(table)
    out, mlruns, experiment = Path(app.out), app.paths.mlruns, app.tracking.experiment
    with atomic_path(out / "ablation.md") as temporary:
        temporary.write_text(table + "\n")
    write_json(out / "ablation.json", {title: {n: asdict(r) for n, r in part.items()} for title, part in zip(titles, rows, strict=True)})  # fmt: skip
    store = open_store(mlruns)
    for name, row in rows[1].items():
        params = {"change": name, "data": judged.root.name, **asdict(settings[name])}
        with tracked_run(store, experiment, name, params, OmegaConf.to_yaml(config), {}, None) as run:
            run.log_metrics(row.figures.figures())
    print(f"written: {out / 'ablation.md'}; in MLflow: {ui_hint(store.name)}, then {describe(store, experiment)}")
    return OK


def changed(preset: Preset, change: str) -> Preset:
    """The preset with changed settings, given as a line such as "vote.damped=false match.ratio=1.8".

    Raises:
        InputError: an unknown setting, or an invalid value.
    """
    node = writable_node(preset)
    try:
        found = preset_of(OmegaConf.merge(node, OmegaConf.from_dotlist(change.split())))  # type: ignore[arg-type]
    except OmegaConfBaseException as error:
        raise InputError(f"changes: {change!r}: {one_line(error)}") from None
    kept = replace(found, vote=preset.vote, match=preset.match, views=preset.views, fusion=preset.fusion)
    if kept != preset or found == preset:
        raise InputError(f"changes: {change!r}: has no effect here: give settings of vote, match, views or fusion")
    return found


def _evidence(folder: Path, data: DiscSet, settings: dict[str, Preset]) -> dict[str, tuple[Pairs, list[Evidence]]]:
    """Candidates and evidence of each setting, from features that are extracted once for all settings."""
    preset = replace(settings[DEFAULT], sift=usable_sift(settings[DEFAULT].sift))
    work = folder / f"ablation-{hash_value([data.digest, asdict(preset.sift), asdict(preset.views)])[:8]}"
    extraction = replace(PRESETS["default"], sift=preset.sift, index=IndexConfig("exact"))
    build_index(data.references, work / "index", RunConfig("default", extraction, ("local",)))
    references = open_index(work / "index").features
    feature_stage("query features", data.queries, preset.sift, work / "query_features", preset.views)
    queries = FeatureStore(work / "query_features", verify=False)
    if references is None or not len(queries):
        raise InputError(f"{data.root}: no readable image among the queries or the references")
    return evidence_of_settings(settings, queries, ExactIndex(references), references, work)


def _unseen(evidence: Sequence[Evidence], fit: Fitted, preset: Preset) -> Pairs:
    """Each query's best answer by the ranking that was fitted without it."""
    if preset.fusion.rule != "calibrated":
        return _ranked(None, evidence, fit, preset)
    odds = zip(evidence, fit.unseen.tolist(), strict=True)
    return best_answers(Pairs.of([(item.query_id, item.reference_id, o) for item, o in odds if item.inliers]), 1)


def _ranked(proposed: Pairs | None, evidence: Sequence[Evidence], fit: Fitted, preset: Preset) -> Pairs:
    own = proposed if proposed is not None else Pairs.of([(item.query_id, item.reference_id, 0.0) for item in evidence])
    calibration = fit.calibration if preset.fusion.rule == "calibrated" else None
    return rank_branches(preset, calibration, Candidates({"local": own}, evidence))["local"]


def _rows(data: DiscSet, found: dict[str, tuple[Pairs, list[Evidence]]], answers: dict[str, Pairs]) -> dict[str, Row]:
    true = data.truth.pairs()
    rows = {}
    for name, given in answers.items():
        proposed = len(true & set(found[name][0].id_pairs())) / len(true)
        against = None if name == DEFAULT else compare(given, answers[DEFAULT], data.truth)[1]["uap"]
        rows[name] = Row(proposed, evaluate(given, data.truth), against)
    return rows


def _table(titles: Sequence[str], rows: Sequence[dict[str, Row]]) -> str:
    """Markdown: one row per setting, the sets side by side."""
    heads = "candidates | uAP | R@P90 | recall@1 | uAP minus the default's, 95 %"
    lines = ["| | " + " | ".join(f"{title}: {heads}" for title in titles) + " |", "|---" * (5 * len(titles) + 1) + "|"]
    for name in rows[0]:
        cells = []
        for part in rows:
            row = part[name]
            cells += [f"{row.candidates:.3f}", f"{row.figures.uap:.4f}", f"{row.figures.recall_at_p90:.3f}"]
            cells.append(f"{row.figures.recall_at_1:.3f}")
            gap = row.against
            cells.append("" if gap is None else f"{gap.difference:+.4f} ({gap.low:+.4f} to {gap.high:+.4f})")
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)
