"""A DISC-shaped folder that a training takes seconds on, and the apps' configuration composed in the test's process."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from experiments import ROOT
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from imgfp.apps.search_space import register_search_groups


@pytest.fixture(scope="session")
def training_disc(tiny_disc: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tiny_disc` with 8 training photographs, two public ground truths and a list of known duplicates."""
    root = tmp_path_factory.mktemp("training") / "tiny"
    shutil.copytree(tiny_disc, root)
    for number, path in enumerate(sorted((root / "reference_images").iterdir()), 3):
        shutil.copy(path, root / "training_images" / f"T{number:06d}{path.suffix}")
    header, *rows = (root / "ground_truth.csv").read_text().splitlines()
    found = [row for row in rows if not row.endswith(",")]
    for name, part in (("dev_i", found[:2]), ("dev_ii", found[2:])):
        (root / f"{name}_ground_truth.csv").write_text("\n".join([header, *part]) + "\n")
    (root / "known_duplicates.csv").write_text("id_a,id_b,kind\nQ00000,T000000,same_scene\n")
    return root


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A training sets torch's threads for its whole process; other tests' last bits depend on their number."""
    monkeypatch.setenv("IMGFP_THREADS", "1")
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def quick() -> list[str]:
    """Overrides of what takes time in any experiment."""
    return [
        "trainer=cpu",
        "trainer.precision=fp32",
        "schedule.warmup_epochs=0",
        "pairs.batch=2",
        "pairs.workers=0",
        "validation.background=4",
    ]


@pytest.fixture
def composed(training_disc: Path, tmp_path: Path) -> Callable[..., DictConfig]:
    """The configuration that an app would get from these overrides; everything that it writes goes below tmp_path."""
    OmegaConf.register_new_resolver("repo", lambda path: str(ROOT / path), replace=True)
    register_search_groups()
    given = [f"data.root={training_disc}", f"paths.work={tmp_path / 'work'}", f"paths.mlruns={tmp_path / 'mlruns'}"]

    def run(app: str, *overrides: str) -> DictConfig:
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            return compose(app, overrides=[*given, *overrides])

    return run
