"""The GL3D benchmark on every case of golden/mirror/overlap, with the files of the original's compute_overlap_benchmark."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgfp.datasets.gl3d import open_gl3d
from imgfp.records.match_pairs import MatchPairs

TOLERANCE = 1e-12


@pytest.fixture(scope="module")
def folder(golden: Path) -> Path:
    found = golden / "mirror/overlap"
    if not found.is_dir():
        pytest.skip(f"{golden} has no mirror/overlap")
    return found


def test_every_case(folder: Path) -> None:
    cases: list[dict[str, Any]] = json.loads((folder / "expected.json").read_text())
    assert cases
    for case in cases:
        files = {part: folder / f"{case['name']}.{part}.txt" for part in ("image_list", "gt_pairs", "match_pairs")}
        data = open_gl3d(folder, files["image_list"], files["gt_pairs"], "mesh_overlap", 0.5)
        answers = MatchPairs.read(files["match_pairs"], repeats=True)
        (metrics,) = data.evaluate(answers, files["match_pairs"]).values()
        wanted = np.array(case["ap"], dtype=np.float64)  # null: no positives
        assert metrics.average_precision == pytest.approx(wanted, abs=TOLERANCE, nan_ok=True), case["name"]
        assert metrics.counted.sum() == case["num_test"], case["name"]
        assert metrics.figures()["map"] == pytest.approx(case["mAP"], abs=TOLERANCE), case["name"]
