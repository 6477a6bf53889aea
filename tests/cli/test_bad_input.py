"""Bad input through the program: exit 2 (or 3 where the run continued), one line with file, row, value and fix."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from imgfp.local.sift.extractor_check import compiled_fault

IDS = np.array([b"R0", b"R1"])


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with two images."""
    folder = tmp_path / "images"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (2, 60, 60, 3), dtype=np.uint8)
    for number, pixels in enumerate(noise):
        Image.fromarray(pixels).save(folder / f"p{number}.png")
    return folder


@pytest.fixture
def refused(imgfp, tmp_path):
    """Runs a command that must end with exit 2 and one line, and returns that line without the command's name."""

    def run(command: str, *arguments: object) -> str:
        said = imgfp(command, *arguments)
        assert said.code == 2
        assert len(said.errors) == 1, said.errors
        start = f"imgfp {command}: "
        assert said.errors[0].startswith(start)
        return said.errors[0].removeprefix(start).replace(f"{tmp_path}/", "")

    return run


def test_missing_folder(refused, images, tmp_path) -> None:
    fix = "no such folder or text list: give a folder of images or a text list of file names"
    for command in ("find", "describe"):
        assert refused(command, tmp_path / "none", images, "--out", tmp_path / "out") == f"none: {fix}"
    assert refused("find", images, tmp_path / "none", "--out", tmp_path / "out") == f"none: {fix}"
    for command in ("index", "sift"):
        assert refused(command, tmp_path / "none", "--out", tmp_path / "out") == f"none: {fix}"
    assert refused("find", images, images, "--background", tmp_path / "none", "--out", tmp_path / "o") == f"none: {fix}"
    assert not (tmp_path / "out").exists()


def test_empty_folder(refused, images, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    assert refused("find", tmp_path / "empty", images, "--out", tmp_path / "out").startswith(
        "empty: no images found: give a folder with image files ("
    )


def test_two_images_of_one_name(refused, images, tmp_path) -> None:
    (images / "sub").mkdir()
    (images / "sub" / "p0.jpg").write_bytes(b"")
    line = refused("index", images, "--out", tmp_path / "out")
    assert line.startswith("duplicate image id 'p0': images/p0.png and images/sub/p0.jpg: ")
    assert line.endswith("rename or remove one of them")


def test_text_list_that_names_a_missing_file(refused, images, tmp_path) -> None:
    names = images / "list.txt"
    names.write_text("p0.png\n\np7.png 12\n")
    line = refused("find", names, images, "--out", tmp_path / "out")
    assert line == "images/list.txt line 3: 'p7.png' not found in images: fix the name or remove the line"


def test_text_list_that_leaves_its_folder_or_is_not_text(refused, images, tmp_path) -> None:
    (images / "list.txt").write_text("../secret.png\n")
    line = refused("sift", images / "list.txt", "--out", tmp_path / "out")
    assert line.startswith("images/list.txt line 1: '../secret.png' is outside images")
    (images / "list.txt").write_bytes(b"\xff\xfe\x00")
    assert "not a text file" in refused("sift", images / "list.txt", "--out", tmp_path / "out")
    (images / "list.txt").write_text("\n")
    assert refused("sift", images / "list.txt", "--out", tmp_path / "out").endswith("give one file name per line")


def test_no_readable_image_at_all(refused, images, tmp_path) -> None:
    compiled_fault()  # beforehand: on a slow machine it says that it takes long
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.jpg").write_bytes(b"")
    line = refused("find", tmp_path / "broken", images, "--branches", "global", "--out", tmp_path / "out")
    assert line == "broken: none of the 1 images can be read; first: broken/a.jpg: the file is empty"


def test_one_unreadable_image_is_left_out_with_exit_3(imgfp, images, tmp_path) -> None:
    (images / "p0a.jpg").write_bytes(b"GIF8 not an image")
    out = tmp_path / "out"
    said = imgfp("describe", images, images, "--out", out / "d.h5")
    assert said.code == 3
    assert len(said.errors) == 1
    assert said.errors[0].startswith("1 image(s) skipped, listed in ")
    assert f"first: {images / 'p0a.jpg'}: not a readable image (" in said.errors[0]
    with h5py.File(out / "d.h5") as file:
        assert file["query_ids"][()].tolist() == [b"p0", b"p1"]


def test_output_that_is_a_file(refused, images, tmp_path) -> None:
    (tmp_path / "out").write_text("mine")
    line = refused("find", images, images, "--branches", "global", "--out", tmp_path / "out")
    assert "'out" in line or "out/" in line
    assert (tmp_path / "out").read_text() == "mine"


def test_names_of_presets_branches_and_encoders(refused, images, tmp_path) -> None:
    rest = [images, images, "--out", tmp_path / "out"]
    assert refused("find", *rest, "--preset", "best") == "preset='best': must be one of default, imgfp"
    assert (
        refused("find", *rest, "--branches", "crops")
        == "branches: unknown branch 'crops': must be one of local, global, crop"
    )
    assert refused("find", *rest, "--branches", "") == "branches='': give one or more of local, global, crop"
    line = refused("index", images, "--branches", "local,crop", "--out", tmp_path / "out")
    assert line.startswith("the crop branch applies to queries only, an index stores no crops: give local, global")
    line = refused("duplicates", images, "--branches", "local,crop", "--out", tmp_path / "out")
    assert (
        line == "the crop branch applies to queries only, and a collection has none: give local, global or local,global"
    )
    line = refused("describe", *rest[:2], "--out", tmp_path / "d.h5", "--encoder", "resnet1900")
    assert line.startswith("encoder.name='resnet1900': unknown timm model: closest matches: resnet")


def test_search_without_an_index(refused, images, tmp_path) -> None:
    line = refused("search", tmp_path / "none", images, "--out", tmp_path / "out")
    assert line == "none: no finished index there (no index.json): run 'imgfp index REFERENCES --out none'"


def test_demo_on_a_folder_of_unknown_layout(refused, images, tmp_path) -> None:
    rest = ["--out", tmp_path / "out", "--store", tmp_path / "mlruns"]
    assert refused("demo", "--data", tmp_path / "none", *rest).startswith("none: no such folder: ")
    assert refused("demo", "--data", images, *rest).startswith("images: no folder query_images/: ")


HEADER = "query_id,reference_id,score\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (None, "p.csv: no such file: give predictions with the header query_id,reference_id,score"),
        ("query,reference,score\nq1,r1,1\n", "p.csv row 1: wrong header 'query,reference,score': the first line must be 'query_id,reference_id,score'"),
        ("", "p.csv row 1: wrong header '': the first line must be 'query_id,reference_id,score'"),
        (HEADER + "q1,r1,1\nq1,r2,2\nq1,r1,3\n", "p.csv row 4: the pair q1,r1 repeats row 2: keep only one of them, the one with the higher score"),
        (HEADER + "q1,r1,1\nq1,r2,high\n", "p.csv row 3: score 'high' is not a number: fix the value"),
        (HEADER + "q1,r1,nan\n", "p.csv row 2: score is NaN, which cannot be ranked: give a number or remove the row"),
        (HEADER + "q1,,1\n", "p.csv row 2: reference_id is empty: give the id"),
        (HEADER + "q1,r1,1\nq1,r2\n", "p.csv row 3: 'q1,r2' has 2 fields, not 3 (query_id,reference_id,score): fix the row"),
    ],
)  # fmt: skip
def test_predictions(refused, tmp_path, text: str | None, line: str) -> None:
    (tmp_path / "gt.csv").write_text("query_id,reference_id\nq1,r1\n")
    if text is not None:
        (tmp_path / "p.csv").write_text(text)
    assert refused("evaluate", tmp_path / "p.csv", tmp_path / "gt.csv") == line
    (tmp_path / "ok.csv").write_text(HEADER)
    assert refused("evaluate", tmp_path / "ok.csv", tmp_path / "gt.csv", "--against", tmp_path / "p.csv") == line


def test_infinite_scores_are_allowed(imgfp, tmp_path) -> None:
    (tmp_path / "gt.csv").write_text("query_id,reference_id\nq1,r1\n")
    (tmp_path / "p.csv").write_text(HEADER + "q1,r1,inf\nq1,r2,-inf\n")
    said = imgfp("evaluate", tmp_path / "p.csv", tmp_path / "gt.csv")
    assert said.code == 0
    assert said.out.splitlines()[0].split() == ["uAP", "1.0000"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("q,r\n", "gt.csv row 1: wrong header 'q,r': the first line must be 'query_id,reference_id'"),
        ("query_id,reference_id\nq1,r1\n,r2\n", "gt.csv row 3: query_id is empty: give the id"),
        ("query_id,reference_id\nq1,r1\nq1,r1\n", "gt.csv row 3: q1,r1 repeats row 2: remove one of them"),
        ("query_id,reference_id\nq1,\n", "the ground truth has no true pair, so uAP is undefined: give a set with true pairs"),
    ],
)  # fmt: skip
def test_ground_truth(refused, tmp_path, text: str, line: str) -> None:
    (tmp_path / "gt.csv").write_text(text)
    (tmp_path / "p.csv").write_text(HEADER)
    assert refused("evaluate", tmp_path / "p.csv", tmp_path / "gt.csv") == line


def rows(*values: list[float]) -> np.ndarray:
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"query": None}, "d.h5: no dataset 'query' (found: query_ids, reference, reference_ids): store the descriptors under that name"),
        ({"reference": rows([1, 0], [0, np.nan])}, "d.h5: row 1 of 'reference' (id R1) contains NaN or infinity: extract it again"),
        ({"reference": rows([1, 0, 0], [0, 1, 0])}, "query dimension 2 differs from reference dimension 3: extract both with the same encoder"),
        ({"reference_ids": IDS[::-1]}, "d.h5: row 1 of 'reference_ids': 'R0' follows 'R1': sort ids and rows, without duplicates"),
        ({"reference_ids": IDS[[0, 0]]}, "d.h5: row 1 of 'reference_ids': 'R0' follows 'R0': sort ids and rows, without duplicates"),
        ({"query_ids": IDS[:1]}, "d.h5: 1 ids for 2 rows of 'query': give one id per row"),
        ({"query": np.zeros((2, 2), np.int32)}, "d.h5: 'query' has shape (2, 2) and dtype int32: it must be (n, d) float32"),
    ],
)  # fmt: skip
def test_descriptors(refused, tmp_path, changes: dict[str, np.ndarray | None], line: str) -> None:
    sets = {
        "query": np.eye(2, dtype=np.float32),
        "query_ids": IDS,
        "reference": np.eye(2, dtype=np.float32),
        "reference_ids": IDS,
    }
    with h5py.File(tmp_path / "d.h5", "w") as file:
        for name, value in (sets | changes).items():
            if value is not None:
                file[name] = value
    assert refused("topk", tmp_path / "d.h5", "--out", tmp_path / "pairs.txt") == line


def test_descriptors_that_are_not_hdf5(refused, tmp_path) -> None:
    assert refused("topk", tmp_path / "none.h5", "--out", tmp_path / "p").startswith(
        "none.h5: no such file: give an HDF5"
    )
    (tmp_path / "d.h5").write_text("query_id")
    assert refused("topk", tmp_path / "d.h5", "--out", tmp_path / "p").startswith("d.h5: not a readable HDF5 file (")


def test_as_many_answers_as_make_sense(refused, imgfp, tmp_path) -> None:
    with h5py.File(tmp_path / "d.h5", "w") as file:
        for part in ("query", "reference"):
            file[part], file[f"{part}_ids"] = np.eye(2, dtype=np.float32), IDS
    assert refused("topk", tmp_path / "d.h5", "-k", 0, "--out", tmp_path / "p") == "topk.k=0: must be >= 1"
    assert imgfp("topk", tmp_path / "d.h5", "-k", 9, "--out", tmp_path / "p", "--suffix", "").code == 0
    assert (tmp_path / "p").read_text() == "R0,R0\nR0,R1\nR1,R1\nR1,R0\n"


def test_imgfp_text_files(refused, tmp_path) -> None:
    features = tmp_path / "features"
    features.mkdir()
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("Q1.jpg,R1.jpg,score:4\nQ1.jpg;R2.jpg\n")
    assert (
        refused("merge", pairs, "--out", tmp_path / "o")
        == "pairs.txt row 2: 'Q1.jpg;R2.jpg' is not 'Q.jpg,R.jpg[,score:N]': fix the line"
    )
    pairs.write_text("Q1.jpg,R1.jpg,score:many\n")
    assert refused("merge", pairs, "--out", tmp_path / "o").startswith(
        "pairs.txt row 1: 'Q1.jpg,R1.jpg,score:many' is not "
    )
    pairs.write_text("Q1.jpg,R1.jpg\n")
    fix = "features: neither a feature store nor a folder of imgFp's .txt features: run 'imgfp sift' first"
    assert refused("vote", features, features, "--out", tmp_path / "o") == fix
    assert refused("score", pairs, features, features, "--out", tmp_path / "o") == fix
    (features / "Q1.txt").write_text("")
    line = refused("score", pairs, features, features, "--out", tmp_path / "o")
    assert line == "pairs.txt: 'R1' has no features in features: extract them or remove the pair"
    (features / "R1.txt").write_text("R1_0_1_2_3||1,2,3\n")
    line = refused("score", pairs, features, features, "--out", tmp_path / "o")
    assert line.startswith(
        "features/R1.txt line 1: 'R1_0_1_2_3||1,2,3' is not <id>_<n>_<x>_<y>_<sigma>_<theta>||<128 integers"
    )
