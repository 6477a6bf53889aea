"""imgfp crop: imgFp's files, ours, resumed, and bad input in one line."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

CLASSICAL = ("--finder", "classical")


@pytest.fixture
def queries(tmp_path: Path) -> Path:
    """One image on a page, one without anything pasted, and one unreadable file."""
    folder = tmp_path / "queries"
    folder.mkdir()
    rng = np.random.default_rng(0)
    page = np.full((240, 320, 3), 250, np.uint8)
    blobs = cv2.GaussianBlur(rng.normal(0, 1, (140, 180, 3)), (0, 0), 6)
    page[60:200, 80:260] = np.clip(110 + 500 * blobs, 0, 200)
    Image.fromarray(page).save(folder / "pasted.png")
    Image.fromarray(np.full((90, 120, 3), 30, np.uint8)).save(folder / "plain.png")
    (folder / "broken.jpg").write_bytes(b"not an image")
    return folder


def test_imgfps_rules_replace_and_list(imgfp, queries, tmp_path) -> None:
    out = tmp_path / "out"
    said = imgfp("crop", queries, out, "--rules", "local", *CLASSICAL)
    assert said.code == 3
    assert "1 crop from 1 of 3 images" in said.out
    assert sorted(path.name for path in (out / "images").iterdir()) == ["pasted.jpg", "plain.png"]
    assert (out / "images/plain.png").read_bytes() == (queries / "plain.png").read_bytes()
    with Image.open(out / "images/pasted.jpg") as crop:
        assert np.abs(np.array(crop.size) - (180, 140)).max() <= 4
    name, confidence = (out / "local_crop_list.txt").read_text().split()
    assert name == "pasted.jpg"
    assert len(confidence.split(".")[1]) == 6
    assert "broken.jpg" in (out / "failures.csv").read_text()


def test_crops_are_added_beside_their_images_and_cut_again_where_missing(imgfp, queries, tmp_path) -> None:
    out = tmp_path / "out"
    (queries / "broken.jpg").unlink()
    assert imgfp("crop", queries, out, *CLASSICAL).code == 0
    with (out / "boxes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], row["image_id"]) for row in rows] == [("pasted.1.jpg", "pasted")]
    first = (out / "images/pasted.1.jpg").read_bytes()
    (out / "images/pasted.1.jpg").unlink()
    said = imgfp("crop", queries, out, *CLASSICAL)
    assert "reused 2 of 2 images" in said.out
    assert (out / "images/pasted.1.jpg").read_bytes() == first


def test_other_rules_or_no_images(imgfp, queries, tmp_path) -> None:
    assert imgfp("crop", queries, tmp_path / "out", *CLASSICAL).code == 3
    said = imgfp("crop", queries, tmp_path / "out", "--rules", "global", *CLASSICAL)
    assert said.code == 2
    assert "was made with added = True, now it is False: give another output folder" in said.errors[0]
    said = imgfp("crop", queries, tmp_path / "new", "--rules", "best", *CLASSICAL)
    assert (said.code, said.errors) == (
        2,
        ["imgfp crop: unknown crop rules 'best': must be one of global, local, default"],
    )
    said = imgfp("crop", queries, tmp_path / "new", "--preset", "local")
    assert (said.code, said.errors) == (2, ["imgfp crop: --preset was renamed: use --rules (try 'imgfp crop --help')"])
    assert imgfp("crop", tmp_path / "none", tmp_path / "new", *CLASSICAL).code == 2
    said = imgfp("crop", queries, tmp_path / "new", "--finder", "best")
    assert said.errors == ["imgfp crop: unknown detector 'best': must be one of auto, learned, classical"]
