"""A collection against itself: copies of every kind are found, grouped, resumed; no image is its own duplicate."""

import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from imgfp.errors import InputError
from imgfp.fusion import COPIES, EDITED, EXACT, Calibration, FusionConfig
from imgfp.fusion.calibration import FEATURES
from imgfp.images import FileSize, ImageList
from imgfp.pipeline.duplicates import Duplicates, find_duplicates
from imgfp.pipeline.preset import Preset
from imgfp.pipeline.presets import PRESETS
from imgfp.pipeline.run_config import RunConfig
from imgfp.pipeline.stages.stage import StageResult

pytestmark = pytest.mark.usefixtures("one_process")


@pytest.fixture
def preset(tmp_path) -> Preset:
    """Calls a pair a copy from 20 inliers on, and similar from 12 on, whatever calibration is shipped."""
    weights = [10.0 if name == "log_inliers" else 0.0 for name in FEATURES]
    plain = Calibration(
        mean=(0.0,) * len(FEATURES),
        deviation=(1.0,) * len(FEATURES),
        coefficients=tuple(weights),
        intercept=-30.445,  # 10 log(21)
        copy=0.5,
        copy_precision=0.9,
        similar=0.01,
        similar_loss=0.01,
        exact_bits=6,
        fitted_on="synthetic",
    )
    plain.write(tmp_path / "calibration.json")
    return replace(PRESETS["default"], fusion=FusionConfig(calibration=str(tmp_path / "calibration.json")))


@pytest.fixture
def duplicates(preset, tmp_path) -> Callable[..., Duplicates]:
    def run(folder: Path, out: str = "out", branches: tuple[str, ...] = ("local",)) -> Duplicates:
        return find_duplicates(
            ImageList.open_collection(folder), tmp_path / out, RunConfig("default", preset, branches)
        )

    return run


@pytest.fixture
def collection(small_set, tmp_path) -> Path:
    """Three images nobody copied, and copies of others: by bytes, edited, mirrored, one smaller."""
    folder = tmp_path / "collection"
    folder.mkdir()
    for name in ("other0", "other1", "other2", "mirror", "gray"):
        shutil.copy(small_set.queries / f"{name}.jpg", folder)
    for name in ("ref1", "ref7"):
        shutil.copy(small_set.references / f"{name}.png", folder)
    shutil.copy(folder / "ref7.png", folder / "a_copy_of_ref7.png")
    with Image.open(folder / "ref1.png") as image:
        image.resize((200, 184)).save(folder / "smaller.png")
    return folder


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def copies(result: Duplicates) -> dict[tuple[str, str], str]:
    return {(pair.query_id, pair.reference_id): pair.label for pair in result.pairs if pair.label in COPIES}


@pytest.mark.parametrize("branches", [("local",), ("global",), ("local", "global")])
def test_copies_of_every_kind_are_found_and_grouped(duplicates, collection, branches) -> None:
    result = duplicates(collection, branches=branches)
    labels = {(pair.query_id, pair.reference_id): pair.label for pair in result.pairs}
    assert labels[("a_copy_of_ref7", "ref7")] == EXACT
    assert labels[("mirror", "ref1")] == EDITED
    assert labels[("ref1", "smaller")] == EXACT, "the same image, saved smaller"
    (mirrored,) = [row for row in table(result.out / "pairs.csv") if row["image_b"] == "ref1"]
    assert (mirrored["image_a"], mirrored["mirrored"], mirrored["inverted"]) == ("mirror", "True", "False")
    assert int(mirrored["inliers"]) >= 20
    groups = [[member.image_id for member in group] for group in result.groups]
    assert [sorted(group) for group in groups] == [["a_copy_of_ref7", "gray", "ref7"], ["mirror", "ref1", "smaller"]]
    assert (groups[0][0], groups[1]) == ("a_copy_of_ref7", ["ref1", "mirror", "smaller"])
    assert "2 groups of 6 images among 9 images" in result.summary
    assert "90% of the answers called copies were right (fitted on: synthetic)" in result.precision
    assert not (result.out / "failures.csv").exists()


def test_no_image_is_its_own_duplicate_and_each_pair_stands_once(duplicates, collection) -> None:
    rows = table(duplicates(collection).out / "pairs.csv")
    pairs = [(row["image_a"], row["image_b"]) for row in rows]
    assert pairs
    assert all(a < b for a, b in pairs)
    assert len(set(pairs)) == len(pairs)
    chances = [float(row["probability"]) for row in rows]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] == 1.0
    assert not any(name.startswith("other") for pair in pairs for name in pair)


def test_sizes_tell_the_original_from_its_copies(duplicates, collection) -> None:
    result = duplicates(collection)
    rows = [row for row in table(result.out / "groups.csv") if row["group"] == "2"]
    ref1 = collection / "ref1.png"
    assert rows[0] == {
        "group": "2",
        "image_id": "ref1",
        "path": str(ref1),
        "width": "250",
        "height": "230",
        "bytes": str(ref1.stat().st_size),
        "largest": "yes",
    }
    assert [row["largest"] for row in rows[1:]] == ["no", "no"]
    assert [row["image_id"] for row in rows[1:]] == ["mirror", "smaller"], "as many pixels in fewer bytes, then fewer"
    (pair,) = [pair for pair in result.pairs if (pair.query_id, pair.reference_id) == ("ref1", "smaller")]
    assert pair.query_size == FileSize(250, 230, ref1.stat().st_size)
    (row,) = [
        row for row in table(result.out / "pairs.csv") if row["image_b"] == "smaller" and row["image_a"] == "ref1"
    ]
    assert (row["width_a"], row["height_a"], row["width_b"], row["height_b"]) == ("250", "230", "200", "184")


def test_a_chain_is_one_group_though_its_ends_do_not_match(duplicates, small_set, tmp_path) -> None:
    folder = tmp_path / "chain"
    folder.mkdir()
    with Image.open(small_set.references / "ref2.png") as image:
        image.save(folder / "b.png")
        image.crop((0, 0, 125, 230)).save(folder / "a.png")
        image.crop((125, 0, 250, 230)).save(folder / "c.png")
    result = duplicates(folder)
    assert copies(result).keys() == {("a", "b"), ("b", "c")}
    assert [[member.image_id for member in group] for group in result.groups] == [["b", "a", "c"]] or [
        [member.image_id for member in group] for group in result.groups
    ] == [["b", "c", "a"]]


def test_more_equal_files_than_candidates_hide_no_edited_copy(duplicates, collection, preset) -> None:
    for number in range(preset.vote.candidates + 4):
        shutil.copy(collection / "ref1.png", collection / f"again{number:02d}.png")
    result = duplicates(collection)
    group = {member.image_id for member in result.groups[0]}
    assert group == {"ref1", "mirror", "smaller"} | {
        f"again{number:02d}" for number in range(preset.vote.candidates + 4)
    }
    assert "local candidates" in [stage.name for stage in result.stages]
    assert [stage.items for stage in result.stages if stage.name == "local candidates"] == [8], "each image once"


def test_unreadable_files_and_identical_ones_are_reported(duplicates, collection) -> None:
    whole = duplicates(collection, "whole")
    (collection / "broken.jpg").write_bytes(b"not an image")
    (collection / "broken_too.jpg").write_bytes(b"not an image")
    result = duplicates(collection, "holes")
    assert [failure.path.name for failure in result.failures] == ["broken.jpg", "broken_too.jpg"]
    assert [row["path"] for row in table(result.out / "failures.csv")] == [
        str(collection / "broken.jpg"),
        str(collection / "broken_too.jpg"),
    ]
    for name in ("pairs.csv", "groups.csv"):
        assert (result.out / name).read_bytes() == (whole.out / name).read_bytes()


@pytest.mark.parametrize(("count", "images"), [(1, "1 image"), (2, "2 images")])
def test_a_collection_without_copies_gives_empty_tables(
    duplicates, small_set, tmp_path, count: int, images: str
) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    for number in range(count):
        shutil.copy(small_set.queries / f"other{2 * number}.jpg", folder)
    result = duplicates(folder)
    assert (result.pairs, result.groups) == ((), ())
    assert table(result.out / "pairs.csv") == table(result.out / "groups.csv") == []
    assert result.summary.startswith(f"no duplicates among {images}:")


def test_equal_files_of_one_colour_are_copies_though_they_have_no_keypoints(duplicates, tmp_path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    Image.new("RGB", (60, 40), "red").save(folder / "a.png")
    shutil.copy(folder / "a.png", folder / "b.png")
    Image.new("RGB", (60, 40), "blue").save(folder / "c.png")
    assert copies(duplicates(folder)) == {("a", "b"): EXACT}


def test_files_of_one_name_in_two_folders(duplicates, collection) -> None:
    (collection / "more").mkdir()
    shutil.copy(collection / "ref1.png", collection / "more" / "gray.png")
    found = copies(duplicates(collection))
    assert found[("more/gray.png", "ref1")] == EXACT
    assert ("a_copy_of_ref7", "gray.jpg") in found


def test_stopped_anywhere_and_started_again_gives_the_same_bytes(
    duplicates, collection, contents, monkeypatch, tmp_path
) -> None:
    for name, value in {
        "imgfp.pipeline.stages.features.SHARD_IMAGES": 3,
        "imgfp.pipeline.stages.candidates.SHARD_QUERIES": 3,
        "imgfp.pipeline.stages.score.SHARD_PAIRS": 5,
    }.items():
        monkeypatch.setattr(name, value)
    expected = contents(duplicates(collection, "undisturbed").out)
    assert {"pairs.csv", "groups.csv", "work/match_scores/00001.json"} < expected.keys()
    from imgfp import files

    real = files.write_bytes
    for stopped in ("features/00001.json", "local_candidates/00001.json", "match_scores/00001.json", "groups.csv"):

        def write(path: Path, data: bytes, stopped: str = stopped) -> None:
            if path.as_posix().endswith(stopped):
                raise KeyboardInterrupt
            real(path, data)

        monkeypatch.setattr(files, "write_bytes", write)
        with pytest.raises(KeyboardInterrupt):
            duplicates(collection)
    monkeypatch.setattr(files, "write_bytes", real)
    result = duplicates(collection)
    assert _reused(result.stages) == {"reference features": 8, "local candidates": 8, "match scores": _items(result)}
    assert contents(tmp_path / "out") == expected


def _reused(stages: tuple[StageResult, ...]) -> dict[str, int]:
    return {stage.name: stage.reused for stage in stages}


def _items(result: Duplicates) -> int:
    return result.stages[-1].items


def test_a_preset_without_probabilities_is_refused(small_set, tmp_path) -> None:
    images = ImageList.open_collection(small_set.references)
    with pytest.raises(InputError, match=r"preset imgfp gives no probabilities.*: use preset default"):
        find_duplicates(images, tmp_path / "out", RunConfig.named("imgfp", "local"))
    assert not (tmp_path / "out").exists()


def test_a_different_collection_in_the_same_folder_is_refused(duplicates, collection) -> None:
    duplicates(collection)
    (collection / "ref1.png").unlink()
    with pytest.raises(InputError, match="give another output folder, or delete this one"):
        duplicates(collection)
