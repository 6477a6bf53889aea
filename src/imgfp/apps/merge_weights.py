"""What evaluate/merge.py does: merges the branches in other ways; candidates are searched and matched only once."""

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from imgfp.apps.evaluation_check import merged_branches
from imgfp.apps.schemas import MergeApp, settings_of
from imgfp.apps.sweep_job import fingerprint_of, hand_over, sweep_parent, take_over
from imgfp.errors import OK, InputError
from imgfp.pipeline.preset import BRANCHES, Preset
from imgfp.progress import track
from imgfp.reports.console import ui_hint
from imgfp.studies.judged_run import Tracking
from imgfp.studies.merging.merger import Merger
from imgfp.studies.merging.proposals import GRID, RANDOM, Axes
from imgfp.studies.merging.setting import PLAIN, Setting
from imgfp.studies.merging.sheet import Row, best_of
from imgfp.studies.merging.source import Source, file_source, read_calibrations, search_source
from imgfp.studies.merging.split import Split
from imgfp.studies.merging.tracked import settings_table, track_setting, track_settings
from imgfp.tracking import describe, open_store, resolved_encoder


def judge_weights(config: DictConfig) -> int:
    """Evaluates one setting, or many, on both halves of the queries."""
    app = settings_of(config, MergeApp)
    name, preset, branches = merged_branches(app)
    split, axes = Split(app.split.choose, app.split.report), _axes(app, branches, preset)
    calibrations = read_calibrations(preset, _values(axes, "calibration"))
    normalisations = _normalisations(app, axes, preset)
    wanted = _wanted(app, axes)
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
        params | axes.base.overrides, app.children if many else None, source.key, source.digest
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


def _axes(app: MergeApp, branches: tuple[str, ...], preset: Preset | None) -> Axes:
    """What varies, and the configured setting."""
    given: Mapping[str, Mapping[str, object]] = {
        "fusion": {branch: weight for branch, weight in app.fusion.weights.items() if weight != 1},
        "grid": {branch: values for branch, values in app.grid.weights.items() if values is not None},
    }
    for section, weights in given.items():
        for branch in weights:
            if branch not in branches:
                where = "branch_files has" if preset is None else "branches has"
                known = "" if preset is None or branch in BRANCHES else f" (known are {', '.join(BRANCHES)})"
                raise InputError(
                    f"{section}.weights.{branch}: {where} no branch {branch!r}, only {', '.join(branches)}{known}: "
                    "add it or leave its weight out"
                )
    own = tuple((branch, float(app.fusion.weights.get(branch, 1.0))) for branch in branches)
    base = Setting(own, app.fusion.calibration, app.fusion.normalisation)
    choices = app.grid.choices
    ranged: tuple[str, ...] = ()
    if app.search.trials:  # only ratios of weights count: the first branch's stays
        ranged = tuple(branch for branch in branches[1:] if branch not in choices)
    if preset is not None and preset.fusion.rule in ("verified", "similarity"):
        ranged = ()
        if any(weight != 1 for _, weight in own) or any(branch in choices for branch in branches):
            raise InputError(f"fusion.weights have no effect with fusion.rule={preset.fusion.rule!r}: leave them out")
    if app.search.trials and not ranged and not choices:
        raise InputError("search.trials: nothing varies: give more branches, or lists in grid")
    return Axes(base, choices, ranged, app.search.low, app.search.high)


def _values(axes: Axes, key: str) -> list[str | None]:
    """The calibrations, or the normalisations, of all settings."""
    own = axes.base.calibration if key == "calibration" else axes.base.normalisation
    return list(dict.fromkeys([own, *axes.choices.get(key, ())]))  # type: ignore[list-item]


def _normalisations(app: MergeApp, axes: Axes, preset: Preset | None) -> list[str]:
    """The score normalisations that need similarities of their own."""
    names = [str(name) for name in _values(axes, "normalisation") if name != PLAIN]
    for name in names:
        Setting(axes.base.weights, normalisation=name)
    rule = "sum" if preset is None else preset.fusion.rule
    if names and rule == "sum":
        raise InputError(
            f"fusion.normalisation={names[0]} has no effect with fusion.rule='sum', which ranks by matches alone: leave it out"
        )
    if names and "global" not in [branch for branch, _ in axes.base.weights]:
        raise InputError(f"fusion.normalisation={names[0]} has no effect without the global branch: add it to branches")
    if names and app.background is None:
        raise InputError(
            f"fusion.normalisation={names[0]} needs negative images: give background=training, or a folder"
        )
    if not names and app.background is not None:
        raise InputError(
            f"background={app.background} has no effect without fusion.normalisation or grid.normalisation"
        )
    return names


def _wanted(app: MergeApp, axes: Axes) -> list[Setting]:
    """The settings of the grid or the search; none where each depends on the results of those before."""
    trials, method = app.search.trials, app.search.method
    if not trials:
        return axes.combined()
    if method == GRID:
        return axes.evenly(trials)
    return axes.randomly(trials, app.search.seed) if method == RANDOM else []


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
    return list(rows.values())


def _print_source(source: Source, merger: Merger, seconds: float) -> None:
    table, counts = source.candidates.every, merger.counts
    held_out = f", {counts[1]:,} held out" if len(counts) > 1 else ""
    print(
        f"{source.name} on {source.data}: {len(table):,} candidate pairs of {'+'.join(source.branches)} in {seconds:.1f} s; "
        f"{merger.split.tag}: {counts[0]:,} queries to choose by{held_out}",
        flush=True,
    )
