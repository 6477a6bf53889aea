"""imgfp pairs: what it writes, how it ends, and its bad input."""

import json
import re
import shutil
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pycolmap
import pytest
from overlapping import in_process, write_overlapping
from PIL import Image

from imgfp.api.commands import pairs

__all__ = ["in_process"]
pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture
def photographs(tmp_path):
    write_overlapping(tmp_path / "photographs")
    return tmp_path / "photographs"


def test_pairs_report_and_database(imgfp, photographs, tmp_path) -> None:
    (photographs / "broken.jpg").write_bytes(b"no image")
    out = tmp_path / "pairs.txt"
    said = imgfp("pairs", photographs, "--out", out, "--top", "50", "--colmap", tmp_path / "database.db")
    assert said.code == 3
    assert "broken.jpg: not a readable image" in said.errors[-1]
    assert out.read_text() == "a.png b.png\na.png c.png\nb.png c.png\n"
    assert (
        "3 verified pairs of 6 tested; 3 of 4 photographs in the largest of 2 components, 1 photographs isolated"
        in said.out
    )
    facts = json.loads((tmp_path / "pairs_view_graph.json").read_text())
    assert facts["isolated"] == ["far.png"]
    assert facts["bridges"] == []
    page = (tmp_path / "pairs_view_graph.html").read_text()
    assert page.count("<image ") == 4
    assert len(re.findall('class="edge"', page)) == 3
    assert "not a readable image" in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    database = pycolmap.Database.open(tmp_path / "database.db")
    assert database.num_images() == 4
    assert database.num_verified_image_pairs() == 3
    database.close()

    first = {path: path.read_bytes() for path in (out, tmp_path / "pairs_view_graph.json")}
    again = imgfp("pairs", photographs, "--out", out, "--top", "50", "--colmap", tmp_path / "database.db")
    assert again.code == 3
    assert "reused 6 of 6 pairs" in again.out
    assert {path: path.read_bytes() for path in first} == first
    every = imgfp("pairs", photographs, "--out", out, "--top", "50", "--unverified", "--format", "match_pairs")
    assert every.code == 3
    rows = [line.split() for line in out.read_text().splitlines()]
    assert len(rows) == 12
    assert {row[0] for row in rows} == {"0", "1", "3", "4"}

    (photographs / "d.png").write_bytes((photographs / "a.png").read_bytes())
    other = imgfp("pairs", photographs, "--out", out)
    assert other.code == 2
    wanted = "pairs_work was made from other images (the first that differs: d, new): give another output file"
    assert wanted in other.errors[-1]


def test_other_settings_reuse_features_and_verified_pairs(imgfp, photographs, tmp_path) -> None:
    def run(out, *options):
        said = imgfp("pairs", photographs, "--out", tmp_path / out, "--unverified", *options)
        assert said.code == 0
        stages = dict(re.findall(r"^  (\w+) .*reused (\d+ of \d+)", said.out, re.MULTILINE))
        return stages, (tmp_path / out).read_text(), (tmp_path / f"{Path(out).stem}_view_graph.json").read_text()

    few = run("p.txt", "--select", "knn", "--top", "1")
    tested = len(few[1].splitlines())
    assert few[0] == {"regions": "0 of 4", "keypoints": "0 of 4", "verification": f"0 of {tested}"}
    more = run("p.txt", "--top", "3")
    assert more[0] == {"regions": "4 of 4", "keypoints": "4 of 4", "verification": f"{tested} of 6"}
    assert more[1:] == run("fresh.txt", "--top", "3")[1:]
    again = run("p.txt", "--select", "knn", "--top", "1")
    assert again[0]["verification"] == f"{tested} of {tested}"
    assert again[1:] == few[1:]


@pytest.mark.parametrize("select", ["trees", "knn"])
def test_other_selections_keep_to_top(imgfp, photographs, tmp_path, select) -> None:
    said = imgfp("pairs", photographs, "--out", tmp_path / "p.txt", "--select", select, "--top", "1", "--unverified")
    assert said.code == 0
    names = (tmp_path / "p.txt").read_text().split()
    assert names
    assert len(set(names)) == len(names)


def test_no_overlap_at_all(imgfp, tmp_path) -> None:
    (tmp_path / "noise").mkdir()
    for name in ("a", "b", "c"):
        pixels = np.random.default_rng(ord(name)).integers(0, 255, (120, 160, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "noise" / f"{name}.png")
    said = imgfp("pairs", tmp_path / "noise", "--out", tmp_path / "p.txt", "--colmap", tmp_path / "d.db")
    assert said.code == 0
    assert "no pair of 3 photographs was verified: 3 pairs were tested" in said.out
    assert (tmp_path / "p.txt").read_text() == ""
    assert "No pair was verified." in (tmp_path / "p_view_graph.html").read_text()


def test_identical_photographs(imgfp, photographs, tmp_path) -> None:
    for path in photographs.iterdir():
        if path.name != "a.png":
            path.unlink()
    for name in ("b", "c"):
        shutil.copy(photographs / "a.png", photographs / f"{name}.png")
    said = imgfp("pairs", photographs, "--out", tmp_path / "p.txt")
    assert said.code == 0
    assert "3 of 3 photographs in the largest of 1 components" in said.out
    assert "2 files are identical to others and add no view: keep one of each:\n  a.png = b.png = c.png\n" in said.out
    facts = json.loads((tmp_path / "p_view_graph.json").read_text())
    assert facts["identical_files"] == [["a.png", "b.png", "c.png"]]
    assert "Identical files (1)" in (tmp_path / "p_view_graph.html").read_text()


@contextmanager
def killed_before_the_rename(path):
    """Stands in for `atomic_path`."""
    yield path.with_name("temporary")
    raise KeyboardInterrupt


def test_database_of_a_killed_run_and_a_changed_one(imgfp, photographs, tmp_path, monkeypatch) -> None:
    path = tmp_path / "d.db"
    command = ("pairs", photographs, "--out", tmp_path / "p.txt", "--top", "1", "--colmap", path)
    assert imgfp(*command).code == 0
    assert {file.name for file in tmp_path.iterdir() if file.name.startswith((".", "d.db"))} == {"d.db"}
    pycolmap.Database.open(path).close()  # opened only
    assert imgfp(*command).code == 0
    with monkeypatch.context() as patch:
        patch.setattr("imgfp.pipeline.pairs.export_database.atomic_path", killed_before_the_rename)
        with pytest.raises(KeyboardInterrupt):
            pairs(photographs, tmp_path / "p.txt", top=2, colmap=path)
    assert imgfp(*command).code == 0
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DELETE FROM two_view_geometries")
    said = imgfp(*command)
    assert said.code == 2
    assert "d.db: was changed since imgfp wrote it and would be replaced: delete it" in said.errors[-1]
    path.unlink()
    assert imgfp(*command).code == 0


def test_bad_input(imgfp, photographs, tmp_path) -> None:
    out = ("--out", tmp_path / "p.txt")
    (tmp_path / "other.db").write_bytes(b"")
    for arguments, message in (
        (("--top", "0"), "top=0: must be an integer >= 1"),
        (("--select", "best"), "select='best': give one of grow, trees, knn"),
        (("--min-score", "2"), "min-score=2.0: similarities are from -1 to 1"),
        (("--format", "csv"), "format='csv': must be one of hloc, match_pairs"),
        (("--camera", "one"), "camera='one': must be one of auto, single, per-folder, per-image"),
        (("--colmap", photographs / "a.png"), "a.png: is one of the photographs and would be replaced"),
        (("--colmap", tmp_path / "p.txt"), "p.txt: is also the file of pairs and would be replaced"),
        (("--colmap", tmp_path / "p_view_graph.json"), "p_view_graph.json: is also the report on"),
        (("--colmap", tmp_path / "other.db"), "other.db: exists and would be replaced"),
        (("--out", tmp_path), f"{tmp_path}: is a folder: give a file such as {tmp_path / 'pairs.txt'}"),
    ):
        said = imgfp("pairs", photographs, *out, *arguments)
        assert said.code == 2
        assert message in said.errors[-1]
    (photographs / "a.png").rename(photographs / "a a.png")
    said = imgfp("pairs", photographs, *out)
    assert said.code == 2
    assert "'a a.png': a space separates the two names" in said.errors[-1]
    said = imgfp("pairs", photographs / "b.png", *out)
    assert said.code == 2
    assert "photographs: 1 photographs: pairs need at least two" in said.errors[-1]
    listed = tmp_path / "list.txt"
    listed.write_text(f"{photographs / 'b.png'}\n{photographs / 'c.png'}\n")
    said = imgfp("pairs", listed, "--out", listed)
    assert said.code == 2
    assert "list.txt: is also the input and would be replaced: give another file" in said.errors[-1]
