"""The demonstration set: what it holds, the same bytes for a seed, complete or absent."""

import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from imgfp.datasets import demo_set
from imgfp.datasets.demo_set import make_demo_set
from imgfp.errors import InputError
from imgfp.images import ImageList, read_rgb

pytest.importorskip("skimage", reason="the demonstration uses scikit-image's photographs")
pytest.importorskip("sklearn", reason="the demonstration uses scikit-learn's photographs")


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "set"
    make_demo_set(folder, seed=3)
    return folder


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(demo_set, "EDITED", 4)
    monkeypatch.setattr(demo_set, "DISTRACTORS", 2)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_counts_ids_and_truth(demo):
    references = ImageList.from_disc(demo, "reference").ids
    queries = ImageList.from_disc(demo, "query").ids
    training = ImageList.from_disc(demo, "training").ids
    assert references == tuple(f"R{number:06d}" for number in range(len(references)))
    assert queries == tuple(f"Q{number:05d}" for number in range(len(queries)))
    assert training == tuple(f"T{number:06d}" for number in range(len(training)))
    truth = _rows(demo / "ground_truth.csv")
    assert [row["query_id"] for row in truth] == list(queries)
    edited = Counter(row["reference_id"] for row in truth if row["reference_id"])
    assert set(edited) == set(references)
    assert len(references) >= 40
    assert len(training) >= 20
    assert edited.total() >= 150
    assert len(queries) - edited.total() == 50


def test_every_query_names_one_to_three_edits(demo):
    rows = _rows(demo / "transforms.csv")
    assert [row["query_id"] for row in rows] == [row["query_id"] for row in _rows(demo / "ground_truth.csv")]
    assert {len(row["edits"].split("+")) for row in rows} == {1, 2, 3}


def test_parts_do_not_overlap_and_distractors_are_in_no_reference(demo):
    sources = {row["image_id"]: (row["photograph"], row["box"]) for row in _rows(demo / "sources.csv")}
    assert all(row["licence"] for row in _rows(demo / "sources.csv"))
    truth = {row["query_id"]: row["reference_id"] for row in _rows(demo / "ground_truth.csv")}
    references = {part for image_id, part in sources.items() if image_id.startswith("R")}
    training = {part for image_id, part in sources.items() if image_id.startswith("T")}
    distractors = {sources[query] for query, reference in truth.items() if not reference}
    assert all(sources[query] == sources[reference] for query, reference in truth.items() if reference)
    assert len(references) + len(training) == sum(image_id[0] in "RT" for image_id in sources)
    assert not references & training
    assert not (references | training) & distractors

    parts = sorted({*references, *training, *distractors})
    boxes = np.array([[int(edge) for edge in box.split()] for _, box in parts])
    for first, (photograph, _) in enumerate(parts):
        for second in range(first):
            if parts[second][0] == photograph:
                lefts, tops = np.maximum(boxes[first, :2], boxes[second, :2])
                rights, bottoms = np.minimum(boxes[first, 2:], boxes[second, 2:])
                assert lefts >= rights or tops >= bottoms


def test_references_are_large_enough_and_not_featureless(demo):
    for path in ImageList.from_disc(demo, "reference").paths:
        image = read_rgb(path)
        assert 240 <= max(image.shape[:2]) <= 512
        assert demo_set._mean_gradient(image) > 0.8 * demo_set.MIN_GRADIENT  # JPEG smooths a little


def test_same_seed_same_bytes_other_seed_other_bytes(demo, tmp_path):
    make_demo_set(tmp_path / "again", seed=3)
    assert _contents(tmp_path / "again") == _contents(demo)
    make_demo_set(tmp_path / "other", seed=4)
    assert (tmp_path / "other/sources.csv").read_bytes() != (demo / "sources.csv").read_bytes()


def test_works_without_augly(tmp_path):
    program = """
import sys
class NoAugly:
    def find_spec(self, name, path=None, target=None):
        if name == "augly" or name.startswith("augly."):
            raise ImportError("no module named augly")
sys.meta_path.insert(0, NoAugly())
from pathlib import Path
from imgfp.datasets.demo_set import make_demo_set
make_demo_set(Path(sys.argv[1]))
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program, str(tmp_path / "set")], check=True)
    assert json.loads((tmp_path / "set" / demo_set.MARKER).read_text())["augly"] is False
    assert "augly" not in (tmp_path / "set/transforms.csv").read_text()
    assert len(ImageList.from_disc(tmp_path / "set", "query")) >= 200


@pytest.mark.usefixtures("small")
def test_a_complete_set_is_reused_and_any_other_is_rebuilt(tmp_path):
    folder = tmp_path / "set"
    make_demo_set(folder, seed=0)
    made = folder.stat().st_ino, _contents(folder)
    make_demo_set(folder, seed=0)
    assert (folder.stat().st_ino, _contents(folder)) == made
    (folder / "query_images/Q00000.jpg").unlink()
    make_demo_set(folder, seed=0)
    assert _contents(folder) == made[1]
    make_demo_set(folder, seed=1)
    assert json.loads((folder / demo_set.MARKER).read_text())["seed"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match=r"exists and is not a demonstration set: give a new or an empty folder"):
        make_demo_set(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(("package", "distribution"), [("skimage", "scikit-image"), ("sklearn", "scikit-learn")])
def test_a_missing_package_is_named_with_the_command(monkeypatch, tmp_path, package, distribution):
    real = demo_set.importlib.util.find_spec
    monkeypatch.setattr(
        demo_set.importlib.util, "find_spec", lambda name, *rest: None if name == package else real(name, *rest)
    )
    with pytest.raises(InputError, match=rf'{distribution} is not installed.*pip install "imgfp\[demo\]"'):
        make_demo_set(tmp_path / "set")
    assert list(tmp_path.iterdir()) == []
