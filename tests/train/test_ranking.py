"""`train/ranking.py` end to end on a few photographs, the local branch alone."""

from pathlib import Path

import pytest
from experiments import ROOT
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from imgfp.apps.hydra_app import register_presets
from imgfp.apps.ranking import fit_ranking
from imgfp.errors import InputError
from imgfp.fusion import read_calibration


@pytest.fixture
def fit(training_disc, tmp_path):
    """Runs the app with these overrides; everything that it writes goes below tmp_path."""
    OmegaConf.register_new_resolver("repo", lambda path: str(ROOT / path), replace=True)
    register_presets()
    given = [
        f"data.root={training_disc}",
        f"paths.work={tmp_path / 'work'}",
        f"paths.mlruns={tmp_path / 'mlruns'}",
        f"out={tmp_path / 'calibration.json'}",
        "sources=null",
        "branches=[local]",
    ]

    def run(*overrides: str) -> int:
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            return fit_ranking(compose("ranking", overrides=[*given, *overrides]))

    return run


def test_a_calibration_is_fitted_and_written(fit, tmp_path, capsys, one_process) -> None:
    made = ["synthetic.references=4", "synthetic.queries=12", "synthetic.max_edits=1"]
    assert fit(*made) == 0
    said = capsys.readouterr().out
    assert "inliers" in said
    assert f"written: {tmp_path / 'calibration.json'}" in said
    first = (tmp_path / "calibration.json").read_bytes()
    found = read_calibration(str(tmp_path / "calibration.json"))
    assert 0 < found.similar <= found.copy <= 1
    assert 0 <= found.exact_bits <= 20
    assert found.fitted_on.startswith("12 queries made from 7 photographs of tiny, 4 of them references"), (
        "of 8 photographs one is a known duplicate"
    )
    assert fit(*made) == 0  # nothing is made again
    assert (tmp_path / "calibration.json").read_bytes() == first


def test_which_photographs_may_be_used(fit, training_disc: Path, tmp_path: Path) -> None:
    sources = tmp_path / "sources.csv"
    rows = [f"T{number:06d},{'yes' if number < 3 else 'no'}" for number in range(8)]
    sources.write_text("\n".join(["image_id,shippable", *rows]) + "\n")
    with pytest.raises(InputError, match=r"training_images: 2 photographs are left: at least 4 are needed"):
        fit(f"sources={sources}")
    with pytest.raises(InputError, match=r"gone\.csv: no such file"):
        fit(f"leave_out={tmp_path / 'gone.csv'}")
