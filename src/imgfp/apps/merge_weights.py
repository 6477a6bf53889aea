"""What evaluate/merge.py does: merges the branches in other ways; candidates are searched and matched only once."""

import time
from dataclasses import asdict, replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from imgfp.apps.evaluation_check import merged_branches
from imgfp.apps.merge_settings import axes_of, normalisations_of, values_of, wanted_settings
from imgfp.apps.schemas import MergeApp, settings_of
from imgfp.apps.sweep_job import fingerprint_of, hand_over, sweep_parent, take_over
from imgfp.errors import OK
from imgfp.progress import track
from imgfp.reports.console import ui_hint
from imgfp.studies.judged_run import Tracking
from imgfp.studies.merging.calibrations import read_calibrations
from imgfp.studies.merging.merger import Merger
from imgfp.studies.merging.proposals import Axes
from imgfp.studies.merging.setting import Setting
from imgfp.studies.merging.sheet import Row, best_of
from imgfp.studies.merging.source import Source, file_source, search_source
from imgfp.studies.merging.split import Split
from imgfp.studies.merging.tracked import settings_table, track_setting, track_settings
from imgfp.tracking import describe, open_store, resolved_encoder


def judge_weights(config: DictConfig) -> int:
    """Evaluates one setting, or many, on both halves of the queries."""
    app = settings_of(config, MergeApp)
    name, preset, branches = merged_branches(app)
    split, axes = Split(app.split.choose, app.split.report), axes_of(app, branches, preset)
    calibrations = read_calibrations(preset, values_of(axes, "calibration"))
    normalisations = normalisations_of(app, axes, preset)
    wanted = wanted_settings(app, axes)
    # everything above is checked before a search that may take hours
    started = time.perf_counter()
    if preset is None:
        files = {branch: Path(str(file)) for branch, file in (app.branch_files or {}).items()}
        source = file_source(files, Path(str(app.ground_truth)), Path(app.paths.work))
    else:
        preset = replace(preset, encoder=resolved_encoder(preset.encoder, app.paths.mlruns))
        source = search_source(Path(app.data.root), Path(app.paths.work), name, preset, branches)
    similarities = source.similarities(normalisations, app.background)
    merger = Merger(source.candidates, split, calibrations, similarities)
    _print_source(source, merger, time.perf_counter() - started)

    many = bool(axes.choices or app.search.trials)
    params: dict[str, object] = {"data": source.data, "preset": name, "branches": list(branches)}
    if preset is not None:
        params |= {**asdict(preset), "fusion": {"rule": preset.fusion.rule, "answers": preset.fusion.answers}}
    params |= {"split": asdict(split), "background": app.background}
    params |= {"grid": axes.choices, "search": asdict(app.search)} if many else axes.base.overrides
    mlruns, experiment, parent = app.paths.mlruns, app.tracking.experiment, sweep_parent()
    store, title = open_store(mlruns), f"weights of {name} on {source.data}" if many else axes.base.text
    fingerprint = fingerprint_of(
        params | axes.base.overrides, app.children if many else None, source.key, source.digest, merger.digest
    )
    if app.resume and take_over(store, experiment, fingerprint, parent, title) is not None:
        return OK
    tracking = Tracking(mlruns, experiment, params, OmegaConf.to_yaml(config, resolve=True), parent, fingerprint)
    if many:
        rows = _rows(app, axes, wanted, merger)
        print(settings_table(rows, axes.base))
        run_id, out = track_settings(source, merger, rows, app.children, title, tracking)
        print(f"all settings, pictures, predictions of the best: {out}")
        best = best_of(rows)
    else:
        best = Row.of(merger.evaluate(axes.base))
        print(best.text, flush=True)
        run_id = track_setting(source, split, best, tracking)
    hand_over(parent, run_id, best.figures)
    print(f"in MLflow: {ui_hint(store.name)}, then {describe(store, experiment)}")
    return OK


def _rows(app: MergeApp, axes: Axes, wanted: list[Setting], merger: Merger) -> list[Row]:
    """Evaluates these settings, or as many as Optuna proposes."""
    started, rows = time.perf_counter(), dict[Setting, Row]()

    def uap(setting: Setting) -> float:
        rows[setting] = Row.of(merger.evaluate(setting))
        return rows[setting].uap

    if wanted:
        for done in track(merger.evaluate_all(wanted), len(wanted), "settings", "settings"):
            rows[done.setting] = Row.of(done)
    else:
        trials = app.search.trials
        for _ in track(axes.by_optuna(trials, app.search.seed, uap), trials, "settings", "settings"):
            pass
    seconds = time.perf_counter() - started
    print(f"{len(rows):,} settings in {seconds:.2f} s, {len(rows) / seconds:,.0f} settings/s")
    return [rows[setting] for setting in wanted or rows]


def _print_source(source: Source, merger: Merger, seconds: float) -> None:
    table, counts = source.candidates.every, merger.counts
    held_out = f", {counts[1]:,} held out" if len(counts) > 1 else ""
    print(
        f"{source.name} on {source.data}: {len(table):,} candidate pairs of {'+'.join(source.branches)} in {seconds:.1f} s; "
        f"{merger.split.tag}: {counts[0]:,} queries to choose by{held_out}",
        flush=True,
    )
