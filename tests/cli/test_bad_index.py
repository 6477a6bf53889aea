"""Bad indexes and images without keypoints through the program: one line and exit 2, or an answer."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from imgfp.files import hash_file, write_json
from imgfp.pipeline.index.description import read_description, write_description

pytestmark = pytest.mark.usefixtures("one_process")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Four images with keypoints and one of one colour."""
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(4):
        noise = cv2.GaussianBlur(rng.normal(0, 1, (160, 200, 3)), (0, 0), 2)
        Image.fromarray(np.clip(128 + 400 * noise, 0, 255).astype(np.uint8)).save(folder / f"p{number}.png")
    Image.new("RGB", (160, 200), "gray").save(folder / "plain.png")
    return folder


@pytest.fixture(params=["exact", "ivf_pq16"])
def index(imgfp, images, tmp_path, request) -> Path:
    said = imgfp("index", images, "--out", tmp_path / "index", "--branches", "local", "--index", request.param)
    assert said.code == 0
    return tmp_path / "index"


@pytest.fixture
def refused(imgfp, images, index, tmp_path):
    """Searches in the index, which must end with exit 2 and one line, and returns that line."""

    def run() -> str:
        said = imgfp("search", index, images, "--out", tmp_path / "out")
        assert said.code == 2
        assert len(said.errors) == 1, said.errors
        return said.errors[0].removeprefix("imgfp search: ").replace(f"{tmp_path}/", "")

    return run


def test_images_without_keypoints_find_nothing_and_are_not_found(imgfp, index, images, tmp_path) -> None:
    out = tmp_path / "out"
    said = imgfp("search", index, images, "--out", out)
    assert said.code == 0
    assert "among 5 references" in said.out
    rows = [line.split(",") for line in (out / "predictions.csv").read_text().splitlines()[1:]]
    assert {query: reference for query, reference, _ in rows} == {f"p{number}": f"p{number}" for number in range(4)}
    assert "plain" in (index / "parts/000/images.csv").read_text()


def test_no_keypoints_anywhere(imgfp, images, tmp_path) -> None:
    plain = images / "plain.png"
    for kind in ("auto", "ivf_pq24"):
        out = tmp_path / kind
        said = imgfp("find", images, plain, "--out", out, "--branches", "local", "--index", kind)
        assert said.code == 0
        assert (out / "predictions.csv").read_text() == "query_id,reference_id,score\n"


def test_unsupported_schema(refused, index) -> None:
    description = read_description(index)
    write_description(index, description | {"schema": 1})
    assert refused() == "index/index.json: schema 1, this version reads 4: delete index and build the index again"


def test_a_changed_description(refused, index) -> None:
    path = index / "index.json"
    whole = path.read_bytes()
    for old, new in ((b'"side": 300', b'"side": 200'), (b'"octaves"', b'"octavez"')):
        assert old in whole
        path.write_bytes(whole.replace(old, new))
        assert refused() == "index/index.json: damaged: delete index and build the index again"


def test_a_different_preset(imgfp, index, images, tmp_path) -> None:
    said = imgfp("index", images, "--out", index, "--preset", "imgfp", "--branches", "local")
    assert said.code == 2
    assert "index is an index with preset = 'default', now it is 'imgfp': give another" in said.errors[0]


def test_ids_that_the_list_lacks(refused, index) -> None:
    path = index / "parts/000/images.csv"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("p2,")))
    assert refused().startswith("index/parts/000/images.csv: missing or changed since it was written: ")
    description = read_description(index)
    description["parts"][0]["files"]["images.csv"] = hash_file(path)
    write_description(index, description)
    assert refused() == (
        "index/parts/000/images.csv: has no image 'p2', which features/ has: delete index and build it again"
    )


def test_a_damaged_store(refused, index) -> None:
    for name in ("00000.descriptors.npy", "00000.keypoints.npy", "00000.json"):
        path = index / "parts/000/features" / name
        data = path.read_bytes()
        for damaged in (data[:-8], data[:-8] + bytes([data[-8] ^ 1]) + data[-7:]):
            path.write_bytes(damaged)
            message = f"index/parts/000/features/{name}: missing or changed since it was written: delete "
            assert refused().startswith(message)
        path.write_bytes(data)


def test_descriptors_of_wrong_dimension(refused, index) -> None:
    folder = index / "parts/000/features"
    path = folder / "00000.descriptors.npy"
    np.save(path, np.load(path)[:, :64])
    record = json.loads((folder / "00000.json").read_bytes())
    record["files"][path.name] = hash_file(path)
    write_json(folder / "00000.json", record)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["records"]["00000.json"] = hash_file(folder / "00000.json")
    write_json(folder / "manifest.json", manifest)
    description = read_description(index)
    description["parts"][0]["files"]["features/manifest.json"] = hash_file(folder / "manifest.json")
    write_description(index, description)
    shutil.rmtree(index / "compressed", ignore_errors=True)  # else its codes are refused, made from other features
    line = refused()
    assert line.startswith(f"index/parts/000/features/{path.name}: shape (")
    assert line.endswith(", 128) uint8: delete the store and extract the features again")


def test_an_unknown_or_removed_kind(imgfp, images, tmp_path) -> None:
    for kind, message in (
        ("best", "index.kind='best': must be one of auto, exact, ivf_sq8, ivf_pq24, ivf_pq16"),
        ("fast_scan", "index.kind='fast_scan' was removed: use ivf_pq16"),
    ):
        said = imgfp("index", images, "--out", tmp_path / "o", "--index", kind)
        assert said.code == 2
        assert said.errors == [f"imgfp index: {message}"]


def test_what_to_build_of_is_given_once(imgfp, images, tmp_path) -> None:
    assert imgfp("index", "--out", tmp_path / "o").code == 2
    assert imgfp("index", images, "--add", images, "--out", tmp_path / "o").code == 2
