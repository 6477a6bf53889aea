"""The feature store: rows stay with their images, and a damaged store is refused by name."""

import json
from pathlib import Path

import numpy as np
import pytest
from function_work import FunctionWork

from imgfp.errors import InputError
from imgfp.images import Failure
from imgfp.local.features import LocalFeatures
from imgfp.local.store import FeatureStore, LoadedFeatures, open_features, pack_features
from imgfp.local.text import write_text
from imgfp.pipeline.stages.shard import Shard
from imgfp.pipeline.stages.stage import Stage, run_stage


@pytest.fixture
def features(make_features) -> list[LocalFeatures]:
    return [make_features(seed, count) for seed, count in enumerate([4, 0, 7, 1, 0, 12, 3])]


@pytest.fixture
def folder(tmp_path: Path, features: list[LocalFeatures]) -> Path:
    """Three shards of 3, 3 and 1 images."""
    target = tmp_path / "store"

    def work(number: int, rows: range) -> Shard:
        arrays, record = pack_features([features[row] for row in rows])
        failures = tuple(Failure(Path(f"{row}.jpg"), "flat") for row in rows if not len(features[row]))
        return Shard({"ids": [f"R{row}" for row in rows], **record}, arrays, failures=failures)

    result = run_stage(Stage("sift", target, {"side": 300}, {"list": "x"}, len(features), 3), FunctionWork(work))
    assert [failure.path.name for failure in result.failures] == ["1.jpg", "4.jpg"]
    return target


def same(got: LocalFeatures, wanted: LocalFeatures) -> bool:
    return (
        np.array_equal(got.keypoints, wanted.keypoints)
        and np.array_equal(got.descriptors, wanted.descriptors)
        and (got.width, got.height) == (wanted.width, wanted.height)
    )


def test_every_row_belongs_to_its_image(folder: Path, features: list[LocalFeatures]) -> None:
    store = FeatureStore(folder)
    assert store.ids == tuple(f"R{row}" for row in range(7))
    assert len(store) == 7
    for row in (3, 0, 6, 1, 2, 5, 4):
        assert same(store.get(row), features[row]), row
    blocks = list(store.blocks())
    assert [len(block) for block in blocks] == [11, 13, 3]
    joined = np.concatenate(blocks)
    for row, item in enumerate(features):
        np.testing.assert_array_equal(joined[store.offsets[row] : store.offsets[row + 1]], item.descriptors)


def test_arrays_are_mapped_not_read(folder: Path) -> None:
    assert isinstance(FeatureStore(folder).get(0).descriptors, np.memmap)


def test_a_store_without_images(tmp_path: Path) -> None:
    run_stage(Stage("sift", tmp_path / "s", {}, {}, 0, 3), FunctionWork(lambda number, rows: Shard({})))
    store = FeatureStore(tmp_path / "s")
    assert len(store) == 0
    assert list(store.blocks()) == []


def test_unfinished_store(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    with pytest.raises(
        InputError, match=r"not a complete feature store \(no manifest.json\): rerun the step that creates it"
    ):
        FeatureStore(folder)


def damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "truncated":
        path.write_bytes(data[:-1])
    elif how == "flipped":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    else:
        path.unlink()


@pytest.mark.parametrize("how", ["truncated", "flipped", "missing"])
@pytest.mark.parametrize("name", ["00001.keypoints.npy", "00002.descriptors.npy", "00000.json"])
def test_damaged_file_is_refused(folder: Path, name: str, how: str) -> None:
    damage(folder / name, how)
    with pytest.raises(InputError) as caught:
        FeatureStore(folder)
    said = f"{folder / name}: missing or changed since it was written: delete {folder} and extract the features again"
    assert str(caught.value) == said


def test_unverified_store_still_refuses_a_wrong_shape(folder: Path) -> None:
    np.save(folder / "00000.descriptors.npy", np.zeros((3, 128), np.uint8))
    store = FeatureStore(folder, verify=False)
    with pytest.raises(
        InputError,
        match=r"shape \(3, 128\) uint8, not \(11, 128\) uint8: delete the store and extract the features again",
    ):
        store.get(0)


def test_damaged_shard_is_recomputed(folder: Path, features: list[LocalFeatures]) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    damage(folder / "00001.descriptors.npy", "flipped")
    made = []

    def work(number: int, rows: range) -> Shard:
        made.append(number)
        arrays, record = pack_features([features[row] for row in rows])
        failures = tuple(Failure(Path(f"{row}.jpg"), "flat") for row in rows if not len(features[row]))
        return Shard({"ids": [f"R{row}" for row in rows], **record}, arrays, failures=failures)

    result = run_stage(Stage("sift", folder, {"side": 300}, {"list": "x"}, len(features), 3), FunctionWork(work))
    assert made == [1]
    assert result.reused == 4
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_manifest_holds_no_time_and_no_place(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["shards"] == 3
    assert str(folder) not in (folder / "manifest.json").read_text()


def test_folder_of_text_files(tmp_path: Path, features: list[LocalFeatures]) -> None:
    for row, item in enumerate(features):
        write_text(tmp_path / f"R{row}.txt", f"R{row}", item)
    opened = open_features(tmp_path)
    assert isinstance(opened, LoadedFeatures)
    assert opened.ids == tuple(f"R{row}" for row in range(7))
    assert opened.offsets.tolist() == [0, 4, 4, 11, 12, 12, 24, 27]
    np.testing.assert_array_equal(opened.get(2).descriptors, features[2].descriptors)
    np.testing.assert_array_equal(np.concatenate(list(opened.blocks()))[4:11], features[2].descriptors)


def test_open_features_takes_a_store(folder: Path) -> None:
    assert isinstance(open_features(folder), FeatureStore)


def test_neither_store_nor_text(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"neither a feature store nor a folder of imgFp's .txt features: run 'imgfp sift'"
    ):
        open_features(tmp_path)
