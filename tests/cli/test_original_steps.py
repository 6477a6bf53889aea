"""imgFp's own steps: the commands of docs/imgfp-steps.md, run as they stand there, on a query of the original's."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from imgfp.records import Pairs, read_descriptors

STEPS = Path(__file__).resolve().parents[2] / "docs" / "imgfp-steps.md"


def documented(**folders: Path) -> list[list[str]]:
    """The `imgfp ...` lines of the page's shell blocks, with $QUERIES and the like filled in."""
    blocks = re.findall(r"^```sh\n(.*?)^```", STEPS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    commands = [
        line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.startswith("imgfp ")
    ]
    for name, folder in folders.items():
        commands = [command.replace(f"${name}", str(folder)) for command in commands]
    assert not any("$" in command for command in commands), "a variable of the page that this test does not know"
    return [shlex.split(command)[1:] for command in commands]


@pytest.fixture
def folders(tmp_path: Path, golden: Path, isc_mini: Path) -> dict[str, Path]:
    """The original's Q24789.jpg; four photographs, and the query itself under a reference's name."""
    queries, references = tmp_path / "queries", tmp_path / "references"
    for folder in (queries, references):
        folder.mkdir()
    query = golden / "imgfp_sift" / "Q24789.jpg"
    shutil.copy(query, queries)
    shutil.copy(query, references / "R900000.jpg")
    for path in sorted((isc_mini / "reference_images").glob("*.jpg"))[:4]:
        shutil.copy(path, references)
    return {"QUERIES": queries, "REFERENCES": references, "OUT": tmp_path / "out"}


@pytest.mark.usefixtures("one_process")
def test_documented_commands_give_imgfps_files(imgfp, folders) -> None:
    commands = documented(**folders)
    assert {command[0] for command in commands} == {"sift", "vote", "describe", "topk", "score", "merge"}
    for command in commands:
        said = imgfp(*command)
        assert (said.code, said.errors) == (0, []), command
    out = {Path(command[command.index("--out") + 1]): command for command in commands}
    written: dict[str, list[Path]] = {}
    for path, command in out.items():
        assert path.exists(), path
        written.setdefault(command[0], []).append(path)

    for folder in written["sift"]:
        for path in folder.glob("*.txt"):
            for line in path.read_text().splitlines():
                assert re.fullmatch(rf"{path.stem}_\d+(_-?[\d.e+-]+){{4}}\|\|\d+(,\d+){{127}}", line)
    features = [sorted(path.name for path in folder.glob("*.txt")) for folder in written["sift"]]
    assert features[0] == ["Q24789.txt"]
    assert len(features[1]) == 5
    for path in (*written["vote"], *written["topk"]):
        assert path.read_text() == "Q24789.jpg,R900000.jpg\n"
    (descriptors,) = written["describe"]
    assert read_descriptors(descriptors, "query").ids.tolist() == ["Q24789"]
    assert len(read_descriptors(descriptors, "reference")) == 5
    scores = []
    for path in written["score"]:
        found = re.fullmatch(r"Q24789\.jpg,R900000\.jpg,score:(\d+)\n", path.read_text())
        assert found
        scores.append(int(found[1]))
    assert min(scores) > 50
    (final,) = written["merge"]
    assert final.read_text() == f"Q24789\tR900000\t{sum(scores)}\n"


def test_the_original_s_features_and_ours_vote_alike(imgfp, golden, tmp_path) -> None:
    """Features written by the original are read as they are: its query matches itself on every distinct keypoint."""
    for name in ("query", "reference"):
        (tmp_path / name).mkdir()
    shutil.copy(golden / "imgfp_sift" / "Q24789.txt", tmp_path / "query")
    shutil.copy(golden / "imgfp_sift" / "Q24789.txt", tmp_path / "reference" / "R900000.txt")
    assert imgfp("vote", tmp_path / "query", tmp_path / "reference", "--out", tmp_path / "pairs.txt").code == 0
    assert (tmp_path / "pairs.txt").read_text() == "Q24789.jpg,R900000.jpg\n"
    arguments = [tmp_path / "pairs.txt", tmp_path / "query", tmp_path / "reference"]
    assert imgfp("score", *arguments, "--out", tmp_path / "scores.txt").code == 0
    (score,) = Pairs.read_imgfp(tmp_path / "scores.txt").scores
    keypoints = len((tmp_path / "query" / "Q24789.txt").read_text().splitlines())
    assert keypoints / 2 < score <= keypoints


@pytest.mark.usefixtures("one_process")
def test_store_and_text_give_the_same_votes_and_scores(imgfp, folders, tmp_path) -> None:
    files = {}
    for form in ("text", "store"):
        out = tmp_path / form
        for part, images in (("q", folders["QUERIES"]), ("r", folders["REFERENCES"])):
            assert imgfp("sift", images, "--out", out / part, "--format", form).code == 0
        assert (out / "r" / "manifest.json").is_file() == (form == "store")
        assert imgfp("vote", out / "q", out / "r", "--out", out / "pairs.txt").code == 0
        assert imgfp("score", out / "pairs.txt", out / "q", out / "r", "--out", out / "scores.txt").code == 0
        files[form] = (out / "pairs.txt").read_bytes(), (out / "scores.txt").read_bytes()
    assert files["text"] == files["store"]


def test_merge_takes_any_number_of_files_and_its_own_output(imgfp, tmp_path) -> None:
    (tmp_path / "a.txt").write_text("Q2.png,R1.png,score:4\nQ1.png,R1.png,score:5\n")
    (tmp_path / "b.txt").write_text("Q1.png,R1.png,score:7\n")
    files = [tmp_path / "a.txt", tmp_path / "b.txt"]
    assert imgfp("merge", *files, "--suffix", ".png", "--out", tmp_path / "c.txt").code == 0
    assert (tmp_path / "c.txt").read_text() == "Q2\tR1\t4\nQ1\tR1\t12\n"
    assert imgfp("merge", tmp_path / "c.txt", "--out", tmp_path / "d.txt").code == 0
    assert (tmp_path / "d.txt").read_bytes() == (tmp_path / "c.txt").read_bytes()


def test_documented_crop_steps_add_a_third_branch(imgfp, small_pasted, one_process) -> None:
    """Behind the page's first commands its indented ones, `sed` included, on a query whose copy was pasted on a page."""
    for command in documented(**small_pasted):
        assert imgfp(*command).code == 0, command
    lines = [line.strip() for line in STEPS.read_text(encoding="utf-8").splitlines() if line.startswith("    ")]
    assert [line.split()[0] for line in lines] == ["imgfp", "sed", *["imgfp"] * 8]
    for line in lines:
        for name, folder in small_pasted.items():
            line = line.replace(f"${name}", str(folder))
        if line.startswith("sed"):
            subprocess.run(line, shell=True, check=True)
        else:
            classical = ["--finder", "classical"] if " crop " in line else []
            said = imgfp(*shlex.split(line)[1:], *classical)
            assert (said.code, said.errors) == (0, []), line
    scores = []
    for name in ("global_crop", "local", "crop"):
        found = re.fullmatch(
            r"pasted\.jpg,ref\.jpg,score:(\d+)\n", (small_pasted["OUT"] / f"{name}_pair_score.txt").read_text()
        )
        assert found, name
        scores.append(int(found[1]))
    assert min(scores) > 20
    assert (small_pasted["OUT"] / "final_with_crops.txt").read_text() == f"pasted\tref\t{sum(scores)}\n"


@pytest.fixture
def small_pasted(tmp_path: Path, isc_mini: Path) -> dict[str, Path]:
    """A reference pasted on a white page, and four references."""
    folders = {name: tmp_path / name for name in ("QUERIES", "REFERENCES", "OUT")}
    for folder in folders.values():
        folder.mkdir()
    for number, path in enumerate(sorted((isc_mini / "reference_images").glob("*.jpg"))[:4]):
        shutil.copy(path, folders["REFERENCES"] / ("ref.jpg" if number == 2 else path.name))
    with Image.open(folders["REFERENCES"] / "ref.jpg") as image:
        page = Image.new("RGB", (image.width * 2, image.height * 2), (255, 250, 240))
        page.paste(image, (image.width // 3, image.height // 2))
    page.save(folders["QUERIES"] / "pasted.jpg", quality=95)
    return folders
