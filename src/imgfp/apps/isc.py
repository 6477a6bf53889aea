"""What evaluate/isc.py does: every chosen preset evaluated and tracked in one MLflow experiment."""

from dataclasses import asdict
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from imgfp.apps.hydra_app import sweep_key
from imgfp.apps.schemas import IscApp, settings_of
from imgfp.datasets.disc_set import DiscSet, background_images
from imgfp.errors import OK
from imgfp.pipeline.run_config import RunConfig, parse_branches
from imgfp.reports.console import print_result, report_failures, ui_hint
from imgfp.studies.judged_run import Tracking, figures_table, judged_run
from imgfp.tracking import comparison, describe, open_store, parent_run


def judge(config: DictConfig) -> int:
    """Runs every chosen preset and prints the figures side by side; the exit code says whether images were left out."""
    app = settings_of(config, IscApp)
    data = DiscSet.open(Path(app.data.root))
    branches = parse_branches(app.branches)
    background = None if app.background is None else background_images(app.background, data.root)
    mlruns, work, experiment = Path(app.paths.mlruns), Path(app.paths.work) / data.root.name, app.tracking.experiment
    store = open_store(mlruns)
    key = sweep_key()
    parent = parent_run(store, experiment, key, f"sweep {Path(key).name}") if key else None
    tables, runs, code = [], [], OK
    for name, preset in app.preset.items():
        settings = {
            "data": data.root.name,
            "preset": name,
            "branches": list(branches),
            "background": app.background,
            **asdict(preset),
        }
        tracking = Tracking(mlruns, experiment, settings, OmegaConf.to_yaml(config, resolve=True), parent)
        done = judged_run(data, work, RunConfig(name, preset, branches), background, tracking)
        print_result(done.search)
        code = max(code, report_failures(done.search.failures, done.search.out / "failures.csv"))
        runs.append(done.run_id)
        tables.append(f"preset {name}\n{figures_table(done.figures)}")
    print("\n".join(tables))
    print(f"in MLflow: {ui_hint(mlruns)}, then {describe(store, experiment)}")
    if len(runs) > 1:
        print(f"side by side: {comparison(store, experiment, runs)}")
    return code
