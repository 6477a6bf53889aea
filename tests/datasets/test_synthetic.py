"""A set with known answers, made from photographs."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgfp.datasets import synthetic as made_set
from imgfp.datasets.synthetic import SyntheticConfig, make_synthetic_set, synthetic_references
from imgfp.errors import InputError
from imgfp.images import ImageList
from imgfp.records import GroundTruth

CONFIG = SyntheticConfig(references=3, queries=6, max_edits=2)


@pytest.fixture
def photographs(tmp_path: Path) -> ImageList:
    folder = tmp_path / "my photographs"
    folder.mkdir()
    for number in range(6):
        small = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(small).resize((96, 72), Image.Resampling.BICUBIC).save(folder / f"photo {number}, b.png")
    return ImageList.open(folder)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_half_of_the_queries_show_a_reference(photographs: ImageList, tmp_path: Path) -> None:
    make_synthetic_set(photographs, tmp_path / "set", CONFIG)
    truth = GroundTruth.read_csv(tmp_path / "set/ground_truth.csv")
    assert truth.queries.tolist() == [f"Q{number:05d}" for number in range(6)]
    assert {query for query, _ in truth.pairs()} == {"Q00000", "Q00002", "Q00004"}
    references = synthetic_references(photographs, tmp_path / "set")
    assert len(references) == 3, "ids may hold spaces and commas"
    assert {reference for _, reference in truth.pairs()} <= set(references.ids)
    assert all(path.is_file() for path in references.paths)
    with (tmp_path / "set/transforms.csv").open(newline="") as file:
        assert all(1 <= len(row["edits"].split("+")) <= 2 for row in csv.DictReader(file))
    assert len(ImageList.open(tmp_path / "set/query_images")) == 6


def test_the_same_seed_gives_the_same_bytes_and_a_finished_set_is_kept(photographs, tmp_path, monkeypatch) -> None:
    one, two, other = (tmp_path / name for name in ("one", "two", "other"))
    make_synthetic_set(photographs, one, CONFIG)
    make_synthetic_set(photographs, two, CONFIG)
    assert files(one) == files(two)
    make_synthetic_set(photographs, other, SyntheticConfig(references=3, queries=6, max_edits=2, seed=1))
    assert files(other)["query_images/Q00000.jpg"] != files(one)["query_images/Q00000.jpg"]
    monkeypatch.setattr(made_set, "apply_edits", None)  # would fail if anything were made anew
    make_synthetic_set(photographs, one, CONFIG)


def test_a_set_of_other_settings_is_replaced(photographs, tmp_path) -> None:
    make_synthetic_set(photographs, tmp_path / "set", CONFIG)
    make_synthetic_set(photographs, tmp_path / "set", SyntheticConfig(references=3, queries=2))
    assert len(ImageList.open(tmp_path / "set/query_images")) == 2
    assert json.loads((tmp_path / "set/made_set.json").read_bytes())["queries"] == 2


def test_the_same_command_resumes_after_a_kill(photographs, tmp_path, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(made_set, "write_json", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            make_synthetic_set(photographs, tmp_path / "set", CONFIG)
    assert not (tmp_path / "set").exists(), "complete or absent"
    make_synthetic_set(photographs, tmp_path / "set", CONFIG)
    make_synthetic_set(photographs, tmp_path / "fresh", CONFIG)
    assert files(tmp_path / "set") == files(tmp_path / "fresh")
    assert not list(tmp_path.glob(".*"))


def test_impossible_synthetic_sets_are_reported(photographs, tmp_path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("keep me")
    with pytest.raises(
        InputError, match=r"mine: exists and is not a synthetic set of imgfp: give a new or an empty folder$"
    ):
        make_synthetic_set(photographs, tmp_path / "mine", CONFIG)
    assert (tmp_path / "mine/letter.txt").read_text() == "keep me"
    with pytest.raises(InputError, match=r"^6 references of 6 photographs leave none for distractors"):
        make_synthetic_set(photographs, tmp_path / "set", SyntheticConfig(references=6))


def test_unreadable_photograph_gives_no_query(photographs, tmp_path) -> None:
    make_synthetic_set(photographs, tmp_path / "whole", CONFIG)
    (_, used), *_ = sorted(GroundTruth.read_csv(tmp_path / "whole/ground_truth.csv").pairs())
    photographs.paths[photographs.ids.index(used)].write_bytes(b"not an image")
    make_synthetic_set(photographs, tmp_path / "set", CONFIG)
    truth = GroundTruth.read_csv(tmp_path / "set/ground_truth.csv")
    assert "Q00000" not in truth.queries
    assert sorted(path.stem for path in (tmp_path / "set/query_images").iterdir()) == truth.queries.tolist()
