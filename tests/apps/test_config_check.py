"""Errors in a command line, each reported in one line with the nearest key."""

from collections.abc import Callable
from pathlib import Path

import pytest
from experiments import ROOT, app_of
from omegaconf import OmegaConf

from imgfp.apps.config_check import check_command_line, nearest_key, sweep_jobs
from imgfp.apps.descriptor_groups import register_groups
from imgfp.apps.hydra_app import register_presets
from imgfp.apps.schemas import SCHEMAS
from imgfp.apps.search_space import collect_space, register_search_groups
from imgfp.errors import InputError

NO_MARGIN = "unknown config key 'loss.margin' (loss has the keys temperature, entropy_weight)"
LOSSES = "must be one of contrastive, custom, infonce_koleo, margin, triplet"
SWEEP = "values with commas are a sweep: add -m; one list is {}, one text is {}"


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., str]:
    """What is said about these arguments; an experiment may be given as its text, and is called `mine`."""
    OmegaConf.register_new_resolver("repo", lambda path: str(ROOT / path), replace=True)
    register_search_groups()
    register_presets()
    register_groups()

    def run(app: str, *arguments: str, experiment: str | None = None) -> str:
        if experiment is not None:
            (tmp_path / "experiment").mkdir(exist_ok=True)
            (tmp_path / "experiment" / "mine.yaml").write_text(f"# @package _global_\n{experiment}\n")
            arguments = (*arguments, "+experiment=mine", f"hydra.searchpath=[file://{tmp_path}]")
        try:
            check_command_line(str(ROOT / "conf"), app, arguments)
        except InputError as error:
            return str(error)
        return ""

    return run


@pytest.mark.parametrize(
    ("app", "arguments", "message"),
    [
        ("esvit", ["loss.margn=1"], "unknown config key 'loss.margn' (did you mean 'loss.margin'?)"),
        ("esvit", ["loss=infonce_koleo", "loss.margin=1"], NO_MARGIN),
        ("esvit", ["+experiment=mini_esvit", "loss.margin=1"], NO_MARGIN),
        ("esvit", ["+experiment=mini_esvitt"], "experiment=mini_esvitt: no such choice: did you mean 'mini_esvit'?"),
        ("esvit", ["loss=tripplet"], "loss=tripplet: no such choice: did you mean 'triplet'?"),
        ("esvit", ["loss=x"], f"loss=x: no such choice: {LOSSES}"),
        ("esvit", ["lss=triplet"], "unknown config key 'lss' (did you mean 'loss'?)"),
        ("esvit", ["lr=1e-3"], "unknown config key 'lr' (did you mean 'optimizer.lr'?)"),
        ("esvit", ["+loss.magin=1"], "unknown config key 'loss.magin' (did you mean 'loss.margin'?)"),
        ("esvit", ["+nothing={a: 1}"], "unknown config key 'nothing'"),
        ("esvit", ["~loss"], "'loss' is missing: it was removed by ~loss or an empty list"),
        ("isc", ["~branches"], "'branches' is missing: it was removed by ~branches or an empty list"),
        ("isc", ["preset=[defualt]"], "preset=defualt: no such choice: did you mean 'default'?"),
        ("descriptors", ["normalisation=[meen]"], "normalisation=meen: no such choice: did you mean 'mean'?"),
        ("isc", ["+tracking.x=1"], "unknown config key 'tracking.x' (tracking has the keys experiment)"),
        ("isc", ["preset=[]"], "'preset' is missing: it was removed by ~preset or an empty list"),
        ("isc", ["+preset.imgfpp.vote.k=3"], "unknown config key 'preset.imgfpp' (did you mean 'preset.imgfp'?)"),
        ("esvit", ["optimizer.lr=abc"], "optimizer.lr=abc: must be a number"),
        ("esvit", ["optimizer.lr="], "optimizer.lr=: must be a number"),
        ("esvit", ["show=1.5"], "show=1.5: must be an integer"),
        ("esvit", ["loss.margin={a:1}"], "loss.margin={a:1}: must be a number"),
        ("esvit", ["loss={margn:1}"], "unknown config key 'loss.margn' (did you mean 'loss.margin'?)"),
        ("isc", ["branches=local"], "branches=local: must be a list, such as [a,b]"),
        ("isc", ["branches={a:1}"], "branches={a:1}: must be a list, such as [a,b]"),
        ("merge", ["fusion.weights=1"], "fusion.weights=1: must be keys with values, such as {a:1}"),
        ("detector", ["trust_weights=x"], "trust_weights=x: must be true or false"),
        ("esvit", ["epochs"], "epochs: not KEY=VALUE: give epochs=VALUE"),
        ("esvit", ["epochs=[1"], "epochs=[1: '[' without ']'"),
        ("esvit", ["optimizer.lr=1e-4)"], "optimizer.lr=1e-4): ')' without '('"),
        ("esvit", ["optimizer.lr=1e-4,"], "optimizer.lr=1e-4,: a comma at the end: remove it"),
        ("esvit", ["optimizer.lr='1e-4"], "optimizer.lr='1e-4: a quote (') is not closed"),
        ("esvit", ["optimizer.lr==1"], "optimizer.lr==1: two '=': remove one"),
        ("esvit", ["seed = 1"], "seed = 1: write it without spaces around '=': seed=1"),
        (
            "esvit",
            ["data.root=/a=b"],
            "data.root=/a=b: special characters: quote the value for Hydra and for the shell: \"data.root='/a=b'\"",
        ),
        ("esvit", ["loss=null"], f"loss=null: {LOSSES}"),
        ("esvit", ["optimizer=5"], "optimizer=5: must be one of adamw, sgd"),
        ("esvit", ["pairs=[1,2]"], "pairs=[1,2]: must be one of default"),
        (
            "esvit",
            ["loss=[contrastive,triplet]"],
            f"loss=[contrastive,triplet]: give one choice, or as a sweep -m loss=contrastive,triplet: {LOSSES}",
        ),
        (
            "esvit",
            ["loss=triplet,margin"],
            "loss=triplet,margin: several choices are a sweep: add -m, or give one choice",
        ),
        ("esvit", ["seed=1,2"], f"seed=1,2: {SWEEP.format('seed=[1,2]', chr(34) + 'seed=' + repr('1,2') + chr(34))}"),
        (
            "esvit",
            ["seed=range(0,3)"],
            "seed=range(0,3): several values are a sweep: add -m, or let train/tune.py search",
        ),
        (
            "esvit",
            ["network=conf/mine.yaml"],
            "network=conf/mine.yaml: a choice is given by its name, not by a file: save the file as DIR/network/mine.yaml "
            "and give network=mine hydra.searchpath=[file://DIR]",
        ),
        ("esvit", ["+loss=triplet"], "loss has a choice already: leave out the '+' before loss="),
        ("esvit", ["experiment=mini_esvit"], "an experiment is added: write +experiment=NAME"),
        ("esvit", ["~loss.margin"], "~loss.margin: this key cannot be removed: give loss.margin=VALUE"),
        ("esvit", ["~nothing"], "~nothing: there is no such key to remove"),
        ("esvit", ["hydra.launcher=joblib"], "hydra.launcher=joblib: it is a config group: give hydra/launcher=joblib"),
        ("esvit", ["seed=${nothing}"], "seed: there is no key 'nothing' to take a value from"),
        ("esvit", ["seed=${seed}"], "seed: its value is taken from itself"),
        (
            "esvit",
            ["data.root=${oc.env:NOT_SET_HERE}"],
            "data.root: environment variable NOT_SET_HERE is not set: set it, or give a value",
        ),
        ("esvit", ["data.root=${nosuch:x}"], "data.root: unknown resolver 'nosuch': use ${oc.env:NAME} or ${KEY}"),
        (
            "esvit",
            ["+experiment=mini_detector"],
            "experiment=mini_detector is for train/detector.py: run python train/detector.py +experiment=mini_detector",
        ),
        (
            "isc",
            ["+experiment=mini_efficientnet"],
            "experiment=mini_efficientnet is for train/esvit.py: run python train/esvit.py +experiment=mini_efficientnet",
        ),
        ("esvit", ["--help", "nonsense=1"], "unknown config key 'nonsense'"),
    ],
)
def test_a_command_line_with_an_error(check, app: str, arguments: list[str], message: str) -> None:
    assert check(app, *arguments) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "defaults: [override /loss: triplet]\nloss: {margn: 1}",
            "unknown config key 'loss.margn' (did you mean 'loss.margin'?)",
        ),
        ("epoch: 3", "unknown config key 'epoch' (did you mean 'epochs'?)"),
        (
            "tracking: {experimnt: mine}",
            "unknown config key 'tracking.experimnt' (did you mean 'tracking.experiment'?)",
        ),
        ("data: {rot: /somewhere}", "unknown config key 'data.rot' (did you mean 'data.root'?)"),
        ("pairs: {hard: 2}", "'pairs.hard' was renamed: use 'pairs.hard_negatives'"),
    ],
)
def test_an_experiment_with_an_error(check, text: str, message: str) -> None:
    assert check("esvit", experiment=text) == f"experiment/mine: {message}"


def test_a_section_is_not_a_value(check) -> None:
    assert check("esvit", experiment="loss: 5") == "experiment/mine: a section has the value 5: give keys with values"
    assert check("ranking", experiment="loss: 0.02") == "experiment/mine: 'loss' was renamed: use 'max_missed'"


@pytest.mark.parametrize(
    ("app", "given", "message"),
    [
        ("isc", "preset.default.vote.images=3", "renamed: use 'preset.default.vote.candidates'"),
        ("isc", "+preset.imgfp.views.detail=1", "renamed: use 'preset.imgfp.views.upscale'"),
        ("ranking", "made.least=2", "renamed: use 'synthetic.min_edits'"),
        ("ranking", "+made.most=2", "renamed: use 'synthetic.max_edits'"),
        ("detector", "data.size=8", "renamed: use 'scenes.size'"),
        ("esvit", "trainer.clip=1", "renamed: use 'trainer.gradient_clip_val'"),
        ("tune", "validation.every=1", "renamed: use 'validation.every_n_epochs'"),
    ],
)
def test_a_renamed_key_is_refused_with_its_new_name(check, app: str, given: str, message: str) -> None:
    assert check(app, given) == f"'{given.lstrip('+').split('=')[0]}' was {message}"


@pytest.mark.parametrize(
    "given",
    [
        "+hydra.callbacks.x={_target_: os.system, command: ls}",
        "hydra.callbacks.sweep._target_=subprocess.run",
        "hydra.launcher._target_=hydra_plugins.hydra_joblib_launcher._core.os.system",
        "+hydra.job_logging.handlers.x={class: subprocess.Popen, args: [ls]}",
    ],
)
def test_a_configuration_names_no_code(check, given: str) -> None:
    assert check("esvit", given).endswith(": this class may not be named in a configuration")


def test_an_experiment_names_no_code(check) -> None:
    text = "hydra: {job_logging: {formatters: {x: {'()': os.system}}}}"
    told = "hydra.job_logging.formatters.x.()=os.system: this class may not be named in a configuration"
    assert check("esvit", experiment=text) == told


@pytest.mark.parametrize(
    "value",
    ['${oc.create:{_target_: "shutil.copyfile"}}', "${network}", "${.network}", "${${network}}", '${oc.decode:"{}"}'],
)
def test_an_experiment_takes_no_section_from_elsewhere(check, value: str) -> None:
    text = f"hydra: {{callbacks: {{x: '{value}'}}}}"
    told = f"hydra.callbacks.x={value}: only plain values may be taken from elsewhere here: write the value itself"
    assert check("esvit", experiment=text) == told


def test_only_the_command_line_sets_environment_variables(check) -> None:
    text = "hydra: {job: {env_set: {IMGFP_PLUGINS: mine}}}"
    told = "hydra.job.env_set.IMGFP_PLUGINS: a file may not set environment variables: set it on the command line"
    assert check("esvit", experiment=text) == told
    assert check("esvit", "+hydra.job.env_set.OMP_NUM_THREADS=1") == ""


@pytest.mark.parametrize("flag", ["--experimental-rerun=config.pickle", "--config-dir=elsewhere", "-cn=other"])
def test_options_that_read_other_configuration_are_refused(check, flag: str) -> None:
    name = flag.split("=")[0]
    assert check("esvit", flag).startswith(f"option {name} is not supported: give hydra.searchpath=[file://DIR]")


def test_every_job_of_a_sweep_is_checked(check) -> None:
    assert check("esvit", "-m", "loss=triplet,infonce_koleo", "optimizer.lr=1e-3,1e-4") == ""
    assert check("esvit", "-m", "loss=triplet,infonce_koleo", "loss.margin=0.5,1") == NO_MARGIN
    assert check("esvit", "optimizer.lr=1e-3,abc", "--multirun") == "optimizer.lr=abc: must be a number"
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
        ("tune", collect_space(["optimizer.lr=tag(log, interval(1e-5, 1e-3))", "loss=choice(contrastive, triplet)"])),
        ("esvit", ["--help"]),
        ("esvit", ["--cfg", "job", "seed=1"]),
        ("ranking", []),
        ("ranking", ["synthetic.queries=8", "preset.default.match.model=similarity", "precision=0.9", "sources=null"]),
    ],
)
def test_valid_overrides_pass(check, app: str, arguments: list[str]) -> None:
    assert check(app, *arguments) == ""


def test_every_app_s_configuration_composes_as_shipped(check) -> None:
    assert {path.stem for path in (ROOT / "conf").glob("*.yaml")} == {*SCHEMAS, "app"}
    assert {app: check(app) for app in SCHEMAS} == dict.fromkeys(SCHEMAS, "")


def test_every_experiment_composes(check) -> None:
    experiments = sorted((ROOT / "conf" / "experiment").glob("*.yaml"))
    found = {path.stem: check(Path(app_of(path)).stem, f"+experiment={path.stem}") for path in experiments}
    assert found == {path.stem: "" for path in experiments}


def test_the_nearest_key() -> None:
    known = ["loss", "loss.margin", "loss.memory", "optimizer", "optimizer.lr", "schedule.warmup_epochs"]
    assert nearest_key("loss.margni", known) == "loss.margin"
    assert nearest_key("loss.lr", known) == "optimizer.lr", "the name is right, its place is not"
    assert nearest_key("warmup_epochs", known) == "schedule.warmup_epochs"
    assert nearest_key("schedule.warm_up_epochs", known) == "schedule.warmup_epochs"
    assert nearest_key("paths.nothing", known) is None
