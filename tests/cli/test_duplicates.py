"""imgfp duplicates: what it prints, how it ends, what its report shows."""

import base64
import io
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.usefixtures("one_process")


@pytest.fixture
def collection(tiny_disc, tmp_path) -> Path:
    """Three images, one of them twice, the second smaller in bytes, and mirrored."""
    folder = tmp_path / "collection"
    folder.mkdir()
    for path in sorted((tiny_disc / "reference_images").iterdir())[:3]:
        with Image.open(path) as image:
            small = image.convert("RGB").resize((240, 180))
        small.save(folder / f"{path.stem}.png")
    small.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "zz_mirrored.jpg", quality=90)
    shutil.copy(folder / f"{path.stem}.png", folder / "zz_same.png")
    return folder


def test_groups_are_in_the_report_the_original_first(imgfp, collection, tmp_path) -> None:
    before = {path: path.read_bytes() for path in collection.iterdir()}
    out = tmp_path / "out"
    said = imgfp("duplicates", collection, "--out", out)
    assert said.code == 0
    original = sorted(path.stem for path in collection.iterdir())[2]
    assert "1 group of 3 images among 5 images" in said.out
    assert f"group 1: 3 images, the likely original {original}" in said.out
    assert "of the answers called copies were right" in said.out
    assert str(out / "report.html") in said.out
    page = (out / "report.html").read_text()
    shown = re.findall(r"<bdi>(.*?)</bdi>", page)
    assert shown == [original, "zz_same", "zz_mirrored"]
    assert page.index("likely original</span>") < page.index("zz_same") < page.index("edited copy with")
    assert "mirrored, probability" in page
    assert f"240 x 180, {(collection / 'zz_same.png').stat().st_size:,} bytes" in page
    assert "of the answers called copies were right" in page
    images = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    assert [Image.open(io.BytesIO(base64.b64decode(data))).height for data in images] == [200] * 3
    assert 'id="figures"' not in page
    assert {path: path.read_bytes() for path in collection.iterdir()} == before, "nothing is ever deleted"


def test_only_the_first_groups_and_members_are_drawn(imgfp, collection, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("imgfp.reports.duplicates_report.GROUPS", 1)
    monkeypatch.setattr("imgfp.reports.duplicates_report.MEMBERS", 2)
    first = min(collection.iterdir())
    shutil.copy(first, first.with_stem("second"))
    out = tmp_path / "out"
    assert "2 groups of 5 images" in imgfp("duplicates", collection, "--out", out).out
    page = (out / "report.html").read_text()
    assert page.count("<img ") == 2
    assert "1 of 2 groups" in page
    assert "1 more in groups.csv." in page


def test_unreadable_images_give_exit_3_and_the_rest_is_compared(imgfp, collection, tmp_path) -> None:
    (collection / "broken.jpg").write_bytes(b"")
    out = tmp_path / "out"
    said = imgfp("duplicates", collection, "--out", out)
    assert said.code == 3
    assert said.errors[-1] == (
        f"1 image(s) skipped, listed in {out / 'failures.csv'}; first: {collection / 'broken.jpg'}: the file is empty"
    )
    assert "1 group of 3 images among 6 images" in said.out
    assert "the file is empty" in (out / "report.html").read_text()


def test_one_image_has_no_duplicates(imgfp, collection, tmp_path) -> None:
    said = imgfp("duplicates", min(collection.iterdir()), "--out", tmp_path / "out")
    assert said.code == 0
    assert said.out.startswith("no duplicates among 1 image:")
    assert "No duplicates found." in (tmp_path / "out" / "report.html").read_text()


def test_one_line_error_for_bad_input(imgfp, collection, tmp_path) -> None:
    said = imgfp("duplicates", collection, "--out", tmp_path / "out", "--preset", "imgfp")
    assert (said.code, said.errors) == (
        2,
        ["imgfp duplicates: preset imgfp gives no probabilities, which groups need: use preset default"],
    )
    said = imgfp("duplicates", tmp_path / "none", "--out", tmp_path / "out")
    assert (said.code, len(said.errors)) == (2, 1)
    assert "none: no such folder or text list" in said.errors[0]
    assert not (tmp_path / "out").exists()
