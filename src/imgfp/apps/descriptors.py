"""What evaluate/descriptors.py does: sets of descriptors evaluated by the descriptor track's rules, and tracked."""

import sys
from pathlib import Path

from omegaconf import DictConfig

from imgfp.apps.checkpoint_folder import judge_folder
from imgfp.apps.descriptor_evaluation import (
    chosen,
    evaluate_set,
    is_official,
    left_out_lines,
    protocol,
    tell_champion,
)
from imgfp.apps.descriptor_set import open_set, refuse_contradictions
from imgfp.apps.schemas import DescriptorsApp, settings_of
from imgfp.encoders import EncoderConfig
from imgfp.errors import LEFT_OUT, OK, InputError
from imgfp.reports.console import print_stages, ui_hint
from imgfp.studies.checkpoints import checkpoint_of
from imgfp.studies.judged_run import figures_table
from imgfp.tracking import comparison, describe, is_address, open_store, resolved_encoder


def judge(config: DictConfig) -> int:
    """Evaluates one set, or all checkpoints of a folder, under every chosen normalisation.

    Returns:
        The exit code: 3 where anything was left out.
    """
    config = _with_files(config)
    app = settings_of(config, DescriptorsApp)
    refuse_contradictions(app)
    if app.checkpoint is not None and Path(app.checkpoint).is_dir():
        return judge_folder(config, app)
    names, mlruns, experiment = chosen(app), app.paths.mlruns, app.tracking.experiment
    judged = open_set(app, any(names.values()))
    checkpoint = None if app.checkpoint is None or app.descriptors else checkpoint_of(Path(app.checkpoint))
    done, out = evaluate_set(config, app, judged, list(names), None, checkpoint)
    lines = left_out_lines(judged, out / "failures.csv")
    for line in lines:
        print(line, file=sys.stderr)
    code, store = LEFT_OUT if lines else OK, open_store(mlruns)
    if not done:
        return code
    print_stages(judged.stages)
    sizes = len(judged.truth.queries), len(judged.reference), judged.query.dim
    figures = {name: each.figures for name, each in done.items()}
    print(f"{protocol(app, judged.name, *sizes)}\n{figures_table(figures, 'normalisation', 13)}")
    if checkpoint is not None:
        uap, data = next(iter(done.values())).metrics["uap"], (judged.name, judged.data_digest)
        elsewhere = any(each.elsewhere for each in done.values())
        tell_champion(store, app, checkpoint, uap or 0.0, data, is_official(app, judged.query.dim), elsewhere)
    print(f"open next: {', '.join(str(out / name / 'predictions.csv') for name in done)}")
    print(f"in MLflow: {ui_hint(store.name)}, then {describe(store, experiment)}")
    if len(done) > 1:
        print(f"side by side: {comparison(store, experiment, [each.run_id for each in done.values()])}")
    return code


def _with_files(config: DictConfig) -> DictConfig:
    """The configuration with the file in place of an address of MLflow's models (`checkpoint` or `encoder.name`)."""
    given, name = config.checkpoint, config.encoder.name
    if is_address(given) and is_address(name):
        raise InputError(f"checkpoint={given} and encoder.name={name}: give one of them")
    address = given if is_address(given) else name
    if not is_address(address):
        return config
    weights = config.encoder.weights if is_address(given) else (given or config.encoder.weights)
    encoder = resolved_encoder(EncoderConfig(name=address, weights=weights), config.paths.mlruns)
    config = config.copy()
    config.checkpoint, config.encoder.name = encoder.weights, encoder.name
    return config
