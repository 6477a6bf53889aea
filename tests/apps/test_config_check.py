"""Typing errors of a command line, each told in one line with the nearest key."""

from collections.abc import Callable
from pathlib import Path

import pytest
from experiments import ROOT
from omegaconf import OmegaConf

from imgfp.apps.config_check import check_command_line, nearest_key, sweep_jobs
from imgfp.apps.descriptors import register_groups
from imgfp.apps.hydra_app import register_presets
from imgfp.apps.tune import register_search_groups
from imgfp.errors import InputError


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., str]:
    """What is said about these arguments; an experiment may be given as its text, and is called `mine`."""
    OmegaConf.register_new_resolver("repo", lambda path: str(ROOT / path), replace=True)
    register_search_groups()
    register_presets()
    register_groups()

    def run(app: str, *arguments: str, experiment: str | None = None) -> str:
        if experiment is not None:
            (tmp_path / "experiment").mkdir()
            (tmp_path / "experiment" / "mine.yaml").write_text(f"# @package _global_\n{experiment}\n")
            arguments = (*arguments, "+experiment=mine", f"hydra.searchpath=[file://{tmp_path}]")
        try:
            check_command_line(str(ROOT / "conf"), app, arguments)
        except InputError as error:
            return str(error)
        return ""

    return run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["loss.margn=1"], "Could not override 'loss.margn' (did you mean 'loss.margin'?)"),
        (
            ["loss=infonce_koleo", "loss.margin=1"],
            "Could not override 'loss.margin' (loss takes temperature, entropy_weight here)",
        ),
        (
            ["+experiment=mini_esvit", "loss.margin=1"],
            "Could not override 'loss.margin' (loss takes temperature, entropy_weight here)",
        ),
        (["+experiment=mini_esvitt"], "experiment=mini_esvitt: no such choice: did you mean 'mini_esvit'?"),
        (["loss=tripplet"], "loss=tripplet: no such choice: did you mean 'triplet'?"),
        (["loss=x"], "loss=x: no such choice: take one of contrastive, infonce_koleo, margin, triplet"),
        (["lss=triplet"], "Could not override 'lss' (did you mean 'loss'?)"),
        (["lr=1e-3"], "Could not override 'lr' (did you mean 'optimizer.lr'?)"),
        (["+loss.magin=1"], "'loss.magin' is no key here (did you mean 'loss.margin'?)"),
        (["~loss"], "'loss' is missing: it was taken out by ~loss or an empty list"),
        (
            ["optimizer.lr=abc"],
            "Error merging override optimizer.lr=abc: Value 'abc' of type 'str' could not be converted to Float",
        ),
        (["epochs=[1"], "no viable alternative at input '[1'"),
        (["loss=null"], "Config group override must be a string or a list. Got NoneType"),
        (["+experiment=local_alone"], "'branches' is no key here"),
    ],
)
def test_a_command_line_with_an_error(check, arguments: list[str], message: str) -> None:
    assert check("esvit", *arguments) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "defaults: [override /loss: triplet]\nloss: {margn: 1}",
            "In 'experiment/mine': ConfigKeyError raised while composing config: Key 'margn' not in 'TripletConfig' "
            "(did you mean 'loss.margin'?)",
        ),
        ("epoch: 3", "'epoch' is no key here (did you mean 'epochs'?)"),
        ("tracking: {experimnt: mine}", "'tracking.experimnt' is no key here (did you mean 'tracking.experiment'?)"),
        ("data: {rot: /somewhere}", "'data.rot' is no key here (did you mean 'data.root'?)"),
    ],
)
def test_an_experiment_with_an_error(check, text: str, message: str) -> None:
    assert check("esvit", experiment=text) == message


def test_every_job_of_a_sweep_is_checked(check) -> None:
    assert check("esvit", "-m", "loss=triplet,infonce_koleo", "optimizer.lr=1e-3,1e-4") == ""
    refused = "Could not override 'loss.margin' (loss takes temperature, entropy_weight here)"
    assert check("esvit", "-m", "loss=triplet,infonce_koleo", "loss.margin=0.5,1") == refused
    assert "abc" in check("esvit", "optimizer.lr=1e-3,abc", "--multirun")
    assert list(sweep_jobs(["a=1,2", "b=[1,2]", "c=x,y"])) == [
        ["a=1", "b=[1,2]", "c=x"],
        ["a=1", "b=[1,2]", "c=y"],
        ["a=2", "b=[1,2]", "c=x"],
        ["a=2", "b=[1,2]", "c=y"],
    ]


@pytest.mark.parametrize(
    ("app", "arguments"),
    [
        ("isc", ["preset=[default]", "preset.default.vote.candidates=3"]),
        ("isc", ["preset=[imgfp,default]", "+experiment=global_background"]),
        ("esvit", ["+experiment=isc_progressive", "hydra.launcher.n_jobs=2", "validation.ground_truth=x.csv"]),
        ("esvit", ["-m", "seed=1,2", "hydra/launcher=submitit_local", "hydra.launcher.timeout_min=3000"]),
        ("esvit", ["-m", "seed=1,2", "hydra/launcher=submitit_slurm", "hydra.launcher.gpus_per_node=1"]),
        ("tune", ["search.space={optimizer.lr: log 1e-5 1e-3, loss: triplet|contrastive}"]),
        ("esvit", ["--help", "nonsense=1"]),
        ("ranking", []),
        ("ranking", ["synthetic.queries=8", "preset.default.match.model=similarity", "precision=0.9", "sources=null"]),
    ],
)
def test_what_is_right_passes(check, app: str, arguments: list[str]) -> None:
    assert check(app, *arguments) == ""


def test_every_app_s_configuration_composes_as_shipped(check) -> None:
    apps = sorted(path.stem for path in (ROOT / "conf").glob("*.yaml"))
    assert {"isc", "esvit", "ranking"} <= set(apps)
    assert [check(app) for app in apps] == [""] * len(apps)


def test_the_nearest_key() -> None:
    known = ["loss", "loss.margin", "loss.memory", "optimizer", "optimizer.lr", "schedule.warmup_epochs"]
    assert nearest_key("loss.margni", known) == "loss.margin"
    assert nearest_key("loss.lr", known) == "optimizer.lr", "the name is right, its place is not"
    assert nearest_key("warmup_epochs", known) == "schedule.warmup_epochs"
    assert nearest_key("schedule.warm_up_epochs", known) == "schedule.warmup_epochs"
    assert nearest_key("paths.nothing", known) is None
