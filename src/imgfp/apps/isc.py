"""What evaluate/isc.py does: every chosen preset evaluated and tracked in one MLflow experiment."""

from dataclasses import asdict, replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from imgfp.apps.schemas import IscApp, settings_of
from imgfp.apps.sweep_job import fingerprint_of, hand_over, note_code, sweep_parent, take_over
from imgfp.datasets.disc_set import DiscSet, background_images
from imgfp.errors import OK
from imgfp.images import hash_images
from imgfp.pipeline.run_config import RunConfig, parse_branches
from imgfp.reports.console import print_result, report_failures, ui_hint
from imgfp.studies.judged_run import Tracking, figures_table, judged_run, run_name
from imgfp.tracking import comparison, describe, open_store, resolved_encoder


def judge(config: DictConfig) -> int:
    """Runs every chosen preset and prints the figures side by side; the exit code says whether images were left out."""
    app = settings_of(config, IscApp)
    data = DiscSet.open(Path(app.data.root))
    branches = parse_branches(app.branches)
    background = None if app.background is None else background_images(app.background, data.root)
    mlruns, work, experiment = app.paths.mlruns, Path(app.paths.work) / data.root.name, app.tracking.experiment
    presets = {name: replace(each, encoder=resolved_encoder(each.encoder, mlruns)) for name, each in app.preset.items()}
    store = open_store(mlruns)
    known = None if background is None else hash_images(background)
    tables, runs, code = [], [], OK
    for name, preset in presets.items():
        settings = {
            "data": data.root.name,
            "preset": name,
            "branches": list(branches),
            "background": app.background,
            **asdict(preset),
        }
        run_config = RunConfig(name, preset, branches)
        parent = sweep_parent(**{"preset": name} if len(app.preset) > 1 else {})
        fingerprint = fingerprint_of(settings, data.digest, known)
        title = run_name(run_config)
        if app.resume and (reused := take_over(store, experiment, fingerprint, parent, title)) is not None:
            code = max(code, reused)
            continue
        tracking = Tracking(mlruns, experiment, settings, OmegaConf.to_yaml(config, resolve=True), parent, fingerprint)
        done = judged_run(data, work, run_config, background, tracking)
        print_result(done.search)
        left_out = report_failures(done.search.failures, done.search.out / "failures.csv")
        note_code(store, done.run_id, left_out)
        hand_over(parent, done.run_id, done.figures["merged"].figures())
        code = max(code, left_out)
        runs.append(done.run_id)
        tables.append(f"preset {name}\n{figures_table(done.figures)}")
    if not tables:
        return code
    print("\n".join(tables))
    print(f"in MLflow: {ui_hint(store.name)}, then {describe(store, experiment)}")
    if len(runs) > 1:
        print(f"side by side: {comparison(store, experiment, runs)}")
    return code
