"""What the scripts refuse before anything is opened or written, of a sweep before its first job."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from custom_package import announce_package, write_package
from experiments import ROOT
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from imgfp.apps.config_check import check_command_line
from imgfp.apps.descriptor_groups import register_groups
from imgfp.apps.evaluation_check import check_descriptors, check_detector, check_isc, check_merge, check_mirror
from imgfp.apps.hydra_app import register_presets
from imgfp.apps.plugin_choices import with_custom_choices
from imgfp.apps.recipe_config import register_recipe_groups
from imgfp.apps.search_space import collect_space, register_search_groups
from imgfp.apps.training_check import SEARCH_CHECKS, TRAINING_CHECKS
from imgfp.encoders import Network, NetworkConfig, export_network
from imgfp.errors import InputError

CHECKS = {
    "esvit": TRAINING_CHECKS,
    "tune": SEARCH_CHECKS,
    "isc": [check_isc],
    "merge": [check_merge],
    "descriptors": [check_descriptors],
    "mirror": [check_mirror],
    "detector": [check_detector],
}
OWN = ["network={_target_: outside.nets.Small, width: 4}", "loss={_target_: outside.losses.Spread, margin: 0.3}"]


@pytest.fixture
def check(tiny_disc: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What is said about a command on `tiny_disc`, unless another data.root is given."""
    monkeypatch.setenv("IMGFP_PLUGINS", "")
    OmegaConf.register_new_resolver("repo", lambda path: str(ROOT / path), replace=True)
    register_search_groups()
    register_presets()
    register_groups()

    def run(app: str, *arguments: str) -> str:
        given = [f"data.root={tiny_disc}"] if not any(text.startswith("data.root=") for text in arguments) else []
        small = ["pairs.negatives=1"] if app in ("esvit", "tune") else []
        if app == "tune":
            arguments = tuple(collect_space(arguments))
        try:
            check_command_line(str(ROOT / "conf"), app, with_custom_choices([*given, *small, *arguments]), CHECKS[app])
        except InputError as error:
            return str(error)
        return ""

    return run


@pytest.mark.parametrize(
    ("app", "arguments", "message"),
    [
        ("esvit", [], ""),
        ("esvit", ["-m", "loss.margin=0.5,1.0", "network=esvit_nano,esvit_tiny_w7", "size=33"], ""),
        ("esvit", ["loss.margin=-1"], "loss.margin=-1.0: unit vectors are at most 2 apart"),
        ("esvit", ["-m", "loss.margin=0.5,-1"], "loss.margin=-1.0: unit vectors are at most 2 apart"),
        ("esvit", ["epochs={a:1}"], "epochs={'a': 1}: must be an integer, or a list of integers"),
        (
            "esvit",
            ["network.architecture=resnet5O"],
            "network.architecture='resnet5O': unknown network: closest matches: ",
        ),
        ("esvit", ["network.architecture=resnet18"], "network.architecture=resnet18: give network.pretrained=true"),
        ("esvit", ["network.pretrained=true"], "network.pretrained=true: no weights of esvit_base_w14 are bundled"),
        ("esvit", ["network.weights=/nowhere.pth"], "network.weights=/nowhere.pth: no such file: give an export"),
        ("esvit", ["data.root=/nowhere"], "data.root=/nowhere: no such folder: give a DISC-style folder"),
        ("esvit", ["validation.ground_truth=/nowhere.csv"], "/nowhere.csv: no such file: validation needs it: "),
        ("esvit", ["trainer=ddp"], "trainer.distributed=true: give trainer.devices=N, or start"),
        ("esvit", ["network=custom"], "network=custom: give the class, network._target_=PACKAGE.MODULE.CLASS"),
        (
            "esvit",
            ["network.architecture=vit_tiny_patch16_224", "network.pretrained=false", "size=64"],
            "size=64: not supported by vit_tiny_patch16_224 (",
        ),
        ("esvit", ["head=pca"], "PCA to 256 dimensions needs more than 256 photographs, got 3: give more, lower"),
        ("esvit", ["head=pca", "network.dim=2"], ""),
        ("tune", [], ""),
        (
            "tune",
            ["validation.every_n_epochs=0"],
            "validation.every_n_epochs=0: a search compares trainings by their uAP",
        ),
        ("tune", ["loss.margin=interval(-1, 1)"], "loss.margin=-1.0: unit vectors are at most 2 apart"),
        ("tune", ["loss.margn=interval(0, 1)"], "search.space: "),
        ("isc", [], ""),
        ("isc", ["data.root=/nowhere"], "/nowhere: no such folder: give a DISC-style folder"),
        ("isc", ["branches=[lokal]"], "branches: unknown branch 'lokal'"),
        ("isc", ["background=/nowhere"], "/nowhere: no such folder"),
        ("isc", ["preset.default.encoder.name=resnet5O"], "preset.default.encoder.name='resnet5O': unknown network"),
        ("isc", ["-m", "preset.default.vote.k=3,-1"], "vote.k=-1"),
        ("merge", [], ""),
        ("merge", ["data.root=/nowhere"], "/nowhere: no such folder"),
        ("merge", ["-m", "fusion.weights.local=1,-1"], "fusion.weights.local=-1.0: must be a number >= 0"),
        ("merge", ["-m", "split.choose=half,first"], "split.choose='half': must be one of first, second, all"),
        ("merge", ["-m", "fusion.normalisation=mean,bogus"], "fusion.normalisation=mean needs negative images"),
        ("merge", ["-m", "fusion.normalisation=bogus,mean"], "fusion.normalisation='bogus': must be one of none, "),
        ("merge", ["-m", "+fusion.weights.corp=1,2"], "fusion.weights.corp: branches has no branch 'corp', only "),
        ("merge", [f"fusion.weights.{name}=0" for name in ("global", "local", "crop")], "fusion.weights: all are 0: "),
        ("merge", ["-m", "fusion.calibration=null,/nowhere.json"], "/nowhere.json: no such file"),
        ("merge", ["search.trials=100001"], "search.trials=100001: at most 100,000 are possible: give fewer"),
        (
            "merge",
            ["branch_files={a: /nowhere/a.csv, b: /nowhere/b.csv}", "ground_truth=/nowhere.csv"],
            "ground_truth=/nowhere.csv: no such file",
        ),
        ("merge", ["preset=[default,imgfp]"], "preset=['default', 'imgfp']: weights are evaluated for one preset"),
        ("descriptors", [], ""),
        ("descriptors", ["data.root=/nowhere"], "/nowhere: no such folder"),
        ("descriptors", ["checkpoint=/nowhere.safetensors"], "checkpoint=/nowhere.safetensors: no such file"),
        ("descriptors", ["encoder.name=resnet5O"], "encoder.name='resnet5O': unknown network"),
        ("descriptors", ["cap=none"], "cap='none': must be one of"),
        ("mirror", ["data.root=/nowhere"], "/nowhere: no such folder: give the folder of scenes"),
        ("mirror", ["regions.pool=SUM"], "pool 'SUM': use one of"),
        ("mirror", ["match_pairs=/nowhere.txt"], "match_pairs=/nowhere.txt: no such file"),
        ("detector", ["data.root=/nowhere"], "/nowhere/training_images: no such folder"),
        ("detector", ["batch=0"], "batch=0, lr="),
        ("detector", ["epochs=1", "size=100"], "size=[100]: must be multiples of 32"),
        ("detector", ["weights=/nowhere.safetensors"], "weights=/nowhere.safetensors: no such file"),
    ],
)
def test_a_command_is_refused_before_it_begins(check, app: str, arguments: list[str], message: str) -> None:
    if app == "detector":
        pytest.importorskip("imgfp_detector")
    told = check(app, *arguments)
    assert told.startswith(message)
    assert "\n" not in told
    assert bool(told) == bool(message)


def test_a_missing_gpu_is_told(check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    told = "trainer.accelerator=gpu: torch sees no GPU here: use trainer=cpu"
    assert check("esvit", "trainer=gpu") == check("tune", "trainer=gpu") == told
    assert check("esvit", "trainer=gpu", "show=2") == "", "samples are drawn without one"


def test_a_missing_ground_truth_is_told(check, tiny_disc: Path, tmp_path: Path) -> None:
    root = tmp_path / "set"
    shutil.copytree(tiny_disc, root)
    (root / "ground_truth.csv").unlink()
    for app in ("esvit", "isc", "merge", "descriptors"):
        assert check(app, f"data.root={root}").startswith(f"{root}/ground_truth.csv: no such file: ")
    assert check("esvit", f"data.root={root}", "validation.every_n_epochs=0") == ""


def test_weights_are_checked(check, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    export_network(Network(NetworkConfig("test_efficientnet", dim=300)), path, {"size": 64})
    other = f"{path}: its model card has architecture='test_efficientnet', not 'esvit_nano': set architecture="
    assert check("esvit", "network=esvit_nano", f"network.weights={path}").startswith(other)
    assert check("descriptors", f"checkpoint={path}").startswith("descriptors of 300 dimensions: the challenge accepts")
    assert check("descriptors", f"checkpoint={path}", "limit_dim=false") == ""
    path.write_bytes(path.read_bytes()[:-1])
    same = ["network.architecture=test_efficientnet", "network.dim=300", f"network.weights={path}"]
    assert "copy both files of the export again" in check("esvit", *same)
    path.with_suffix(".json").unlink()
    assert check("esvit", *same).startswith(f"network.weights={path}: not a safetensors file")
    damaged = tmp_path / "damaged.pth"
    damaged.write_bytes(b"x")
    told = check("esvit", "network=esvit_nano", f"network.weights={damaged}")
    assert told.startswith(f"weights={damaged}: not a torch checkpoint, or truncated")


def test_only_the_command_line_allows_code(check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_package(tmp_path, monkeypatch)
    (tmp_path / "experiment").mkdir()
    mine = tmp_path / "experiment" / "mine.yaml"
    theirs = ["+experiment=mine", f"hydra.searchpath=[file://{tmp_path}]"]
    node = "defaults: [override /loss: custom]\nloss: {_target_: outside.losses.Spread}\n"
    mine.write_text(f"# @package _global_\n{node}")
    assert check("esvit", *theirs).startswith("loss._target_ names outside.losses.Spread, and outside is not allowed")
    mine.write_text(f"# @package _global_\n{node}plugins: [outside]\n")
    told = "plugins=[outside] is in a file: only the command line may allow code to run: give plugins=[outside] there"
    assert check("esvit", *theirs).startswith(told)
    mine.write_text(f"# @package _global_\n{node}hydra: {{sweeper: {{params: {{plugins: '[outside]'}}}}}}\n")
    assert "is not allowed to run code" in check("esvit", "-m", *theirs, "seed=1,2")
    assert check("esvit", *theirs[1:], "plugins=outside").endswith(
        "a list of package names, such as plugins=[mypackage]"
    )
    assert "outside" not in sys.modules
    assert check("esvit", *theirs, "plugins=[outside]", "loss.margin=0.1") == ""


def test_own_parts_on_the_command_line(check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_package(tmp_path, monkeypatch)
    assert check("esvit", *OWN).startswith("network._target_ names outside.nets.Small, and outside is not allowed")
    assert check("esvit", "-m", *OWN, "plugins=[outside]", "loss.margin=0.1,0.2", "size=32,48") == ""
    wrong = "loss.margn: outside.losses.Spread has no argument 'margn': did you mean 'loss.margin'?"
    assert check("esvit", *OWN, "plugins=[outside]", "loss.margn=0.1") == wrong
    maps = "network={_target_: outside.nets.Map, width: 4}"
    told = check("esvit", maps, OWN[1], "plugins=[outside]", "size=32")
    assert told.startswith("network: outside.nets.Map returned shape (2, 4, 7, 7) for two images")
    told = check("esvit", *OWN, "plugins=[outside]", "trainer.gradient_checkpointing=true")
    assert told.startswith("trainer.gradient_checkpointing=true: outside.nets.Small does not support it: ")
    assert check("tune", *OWN, "plugins=[outside]", "loss.margin=interval(0.1, 0.2)") == ""


def test_an_installed_package_registers_choices(check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_package(tmp_path, monkeypatch)
    announce_package(tmp_path, "outside.choices:CHOICES")
    store = ConfigStore.instance()
    monkeypatch.setattr(
        store, "repo", {key: dict(value) if isinstance(value, dict) else value for key, value in store.repo.items()}
    )
    register_recipe_groups()
    assert check("esvit", "network=small", "loss=spread", "optimizer=slow", "loss.margin=0.2") == ""
    assert "small" in check("esvit", "network=[a,b]"), "among the choices"
    (tmp_path / "outside" / "choices.py").write_text(
        "CHOICES = {'network': {'esvit_nano': {'_target_': 'outside.nets.Small'}}}"
    )
    monkeypatch.delitem(sys.modules, "outside.choices")
    with pytest.raises(
        InputError, match=r"outside\.choices:CHOICES of imgfp\.plugins: network=esvit_nano exists already"
    ):
        register_recipe_groups()


@pytest.mark.slow
def test_a_refusal_loads_and_leaves_nothing(tiny_disc: Path, tmp_path: Path) -> None:
    places = [f"paths.{name}={tmp_path / name}" for name in ("work", "mlruns")]
    hydra = [f"hydra.{name}.dir={tmp_path / name}" for name in ("run", "sweep")]
    command = [sys.executable, "-X", "importtime", str(ROOT / "train" / "esvit.py"), *places, *hydra]
    command += [f"data.root={tiny_disc}", "-m", "loss.margin=0.5,-1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    lines = done.stderr.splitlines()
    told = [line for line in lines if not line.startswith("import time:")]
    assert told == ["esvit.py: loss.margin=-1.0: unit vectors are at most 2 apart: must be a number > 0 and <= 2"]
    assert (done.returncode, done.stdout) == (2, "")
    loaded = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    assert "torch" in loaded
    heavy = {"pytorch_lightning", "mlflow", "timm", "pandas", "matplotlib", "numba", "scipy", "optuna"}
    assert not loaded & heavy
    assert not list(tmp_path.iterdir())
