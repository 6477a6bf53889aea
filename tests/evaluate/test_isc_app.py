"""python evaluate/isc.py: presets side by side in MLflow, every shipped experiment, sweeps, errors in one line."""

from functools import partial
from pathlib import Path

import pytest
from experiments import ROOT, experiments_of
from hydra import compose, initialize_config_dir

from imgfp.apps.hydra_app import preset_of, register_presets
from imgfp.cli.main import main
from imgfp.errors import InputError
from imgfp.files import hash_file
from imgfp.metrics import evaluate
from imgfp.pipeline.presets import PRESETS
from imgfp.records import GroundTruth, Pairs
from imgfp.tracking import Contender, Weights, log_evaluation, move_champion, open_store, tracked_run

EXPERIMENTS = experiments_of("evaluate/isc.py")
PARENT = "mlflow.parentRunId"


@pytest.fixture
def app(run_script):
    return partial(run_script, "evaluate/isc.py")


def runs_of(mlruns: Path) -> list:
    client = open_store(mlruns).client()
    experiments = [item for item in client.search_experiments() if item.name != "Default"]
    assert [item.name for item in experiments] == ["isc"]
    return client.search_runs([experiments[0].experiment_id])


def test_presets_experiments_and_a_sweep(app, tiny_disc, tmp_path, one_process) -> None:
    done = app(f"data.root={tiny_disc}")
    assert done.returncode == 0, done.stderr
    runs = {run.data.tags["preset"]: run for run in runs_of(tmp_path / "mlruns")}
    assert sorted(runs) == sorted(PRESETS)
    truth = GroundTruth.read_csv(tiny_disc / "ground_truth.csv")
    for preset, run in runs.items():
        assert run.info.status == "FINISHED"
        assert PARENT not in run.data.tags
        assert run.data.params["fusion.rule"] == PRESETS[preset].fusion.rule
        (predictions,) = (tmp_path / "work" / tiny_disc.name).glob(f"{preset}-*/predictions.csv")
        found = evaluate(Pairs.read_csv(predictions), truth).figures()
        logged = {name: value for name, value in found.items() if value is not None}
        assert {name: run.data.metrics[name] for name in logged} == logged
        assert f"preset {preset}\n" in done.stdout
        assert f"{found['uap']:>8.4f} {found['recall_at_p90']:>8.4f}" in done.stdout
        assert predictions.with_name("report.html").is_file()
        out = tmp_path / f"find_{preset}"
        folders = [str(tiny_disc / "query_images"), str(tiny_disc / "reference_images")]
        assert main(["find", *folders, "--preset", preset, "--out", str(out)]) == 0
        assert (out / "predictions.csv").read_bytes() == predictions.read_bytes()
        for branch in ("local", "global"):
            branches = predictions.parent / "branches"
            assert (out / f"branches/{branch}.csv").read_bytes() == (branches / f"{branch}.csv").read_bytes()

    # every shipped experiment, as one sweep: children of one parent
    assert EXPERIMENTS
    swept = app(f"data.root={tiny_disc}", "preset=[default]", f"+experiment={','.join(EXPERIMENTS)}", "-m")
    assert swept.returncode == 0, swept.stderr
    new = [run for run in runs_of(tmp_path / "mlruns") if run.info.run_id not in {r.info.run_id for r in runs.values()}]
    children = [run for run in new if PARENT in run.data.tags]
    (parent,) = [run for run in new if PARENT not in run.data.tags]
    assert len(children) == len(EXPERIMENTS)
    assert {run.data.tags[PARENT] for run in children} == {parent.info.run_id}
    assert {run.info.status for run in new} == {"FINISHED"}
    assert len({tuple(sorted(run.data.params.items())) for run in children}) == len(EXPERIMENTS), (
        "distinguished by params"
    )
    assert all("uap" in run.data.metrics for run in children)
    assert parent.info.run_name == "isc: experiment"
    assert {run.info.run_name for run in children} == {f"experiment={name}" for name in EXPERIMENTS}
    again = app(f"data.root={tiny_disc}", "preset=[default]", f"+experiment={','.join(EXPERIMENTS)}", "-m")
    assert again.returncode == 0, again.stderr
    assert f"isc: experiment: {len(EXPERIMENTS)} jobs: {len(EXPERIMENTS)} reused" in again.stdout
    assert len(runs_of(tmp_path / "mlruns")) == len(runs) + len(new), "nothing is evaluated twice"
    written = {path.name for path in tmp_path.iterdir()}
    assert not {"outputs", "multirun"} & written, "nothing goes into the working folder"


def test_an_unknown_key_is_refused_with_the_nearest_one(app) -> None:
    done = app("preset.default.vote.candidatse=3")
    assert done.returncode == 2
    wanted = "(did you mean 'preset.default.vote.candidates'?)"
    assert done.stderr == f"isc.py: unknown config key 'preset.default.vote.candidatse' {wanted}\n"


def test_one_line_error_for_missing_data(app, tmp_path) -> None:
    done = app(f"data.root={tmp_path / 'none'}")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"isc.py: {tmp_path / 'none'}: no such folder: give a DISC-style folder (data.root=DIR, or IMGFP_DATA)"
    ]


@pytest.fixture
def composed():
    """The configuration that the app would get from these overrides."""
    from omegaconf import OmegaConf

    OmegaConf.register_new_resolver("repo", lambda path: str(ROOT / path), replace=True)
    register_presets()

    def run(*overrides: str):
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            return compose("isc", overrides=list(overrides))

    return run


def test_the_groups_are_the_presets(composed) -> None:
    config = composed()
    assert {name: preset_of(node) for name, node in config.preset.items()} == PRESETS
    changed = preset_of(composed("preset.default.vote.candidates=3").preset.default)
    assert (changed.vote.candidates, changed.match) == (3, PRESETS["default"].match)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes_and_changes_something(composed, experiment: str) -> None:
    assert composed(f"+experiment={experiment}") != composed()


def test_the_data_folder_comes_from_the_environment_or_is_beside_the_repository(composed, monkeypatch) -> None:
    monkeypatch.setenv("IMGFP_DATA", "/some/where")
    assert composed().data.root == "/some/where"
    monkeypatch.delenv("IMGFP_DATA")
    assert Path(composed().data.root).resolve() == (ROOT.parent / "shared" / "data" / "isc-mini").resolve()


def test_a_preset_takes_the_champion(app, tiny_disc, tmp_path, monkeypatch) -> None:
    path, store = tmp_path / "net.safetensors", open_store(tmp_path / "mlruns")
    path.write_bytes(b"weights")
    path.with_suffix(".json").write_text("{}")
    weights = Weights(path, path.with_suffix(".json"), hash_file(path), "net")
    with tracked_run(store, "isc", "judged", {}) as run:
        log_evaluation(run, weights, {"uap": 0.5}, ("tiny", "abc"))
    move_champion(store, Contender(weights, 0.5, ("tiny", "abc")))

    def stop(data, work, run_config, background, tracking):
        raise InputError(f"{run_config.preset.encoder.weights}; {tracking.settings['encoder']['weights']}")

    monkeypatch.setattr("imgfp.apps.isc.judged_run", stop)
    given = f"data.root={tiny_disc}", "preset=[default]", "preset.default.encoder.name=champion"
    done = app(*given)
    assert done.returncode == 2
    assert f"isc.py: {path}; {path}" in done.stderr
    path.unlink()
    assert f"isc.py: champion: {path} is not there: restore it" in app(*given).stderr
