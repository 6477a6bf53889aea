"""Look-ups in memory give the answers of the staged search; several threads at once; bad input is one typed error."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from photographs import photograph
from PIL import Image, ImageOps

import imgfp
from imgfp.images import ImageList, read_rgb
from imgfp.pipeline.index.grow import remove_images
from imgfp.pipeline.search import run_for, search

ALL = "local,global,crop"


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> imgfp.Searcher:
    folder = tmp_path_factory.mktemp("searcher")
    (folder / "photos").mkdir()
    for name in ("astronaut", "chelsea", "coffee"):
        photograph(name).save(folder / "photos" / f"{name}.png")
    with pytest.MonkeyPatch.context() as patch:
        from one_process import OneProcess

        patch.setattr("imgfp.pipeline.stages.features.SiftPool", OneProcess)
        return imgfp.build_index(folder / "photos", folder / "index")


@pytest.fixture(scope="module")
def queries(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("queries")
    page = Image.new("RGB", (640, 420), (244, 244, 244))
    page.paste(photograph("coffee"), (60, 150))
    page.save(folder / "c_pasted.png")
    photograph("astronaut").save(folder / "a_saved.jpg", quality=90)
    ImageOps.mirror(photograph("chelsea").crop((10, 10, 220, 200))).save(folder / "b_mirrored.jpg")
    Image.new("RGB", (90, 90), (200, 30, 30)).save(folder / "d_flat.png")
    return folder


@pytest.mark.parametrize("branches", ["local", "local,global", ALL])
def test_the_answers_of_the_staged_search(index, queries, tmp_path, branches, one_process, monkeypatch) -> None:
    monkeypatch.setattr("imgfp.detection.finders.missing_packages", lambda: ["nothing"])  # straight edges: no export
    images = ImageList.open(queries)
    staged = search(index, images, tmp_path, run_for(index, branches))
    found = imgfp.Searcher(index, branches).lookup(images.paths)
    wanted = {answer.query_id: answer for answer in staged.answers}
    assert [len(answers) for answers in found] == [int(image_id in wanted) for image_id in images.ids]
    for image_id, answers in zip(images.ids, found, strict=True):
        for answer in answers:
            same = wanted[image_id]
            assert (answer.reference_id, answer.score, answer.label, answer.box) == (
                same.reference_id,
                same.score,
                same.label,
                same.box,
            )
    named = {image_id: answers[0].reference_id for image_id, answers in zip(images.ids, found, strict=True) if answers}
    assert named["a_saved"] == "astronaut"
    assert named["b_mirrored"] == "chelsea"
    assert not list(index.folder.glob("work*"))


def test_paths_pil_images_and_arrays_one_or_many(index, queries) -> None:
    searcher = imgfp.Searcher(index, "local")
    path = queries / "a_saved.jpg"
    one = searcher.lookup(str(path))
    pixels = read_rgb(path)
    assert one == searcher.lookup([path])
    assert one[0][0].label == "exact copy"
    for image in (Image.open(path), pixels, [Image.open(path)], [pixels]):
        ((answer,),) = searcher.lookup(image)
        assert (answer.reference_id, answer.score, answer.box) == (
            one[0][0].reference_id,
            one[0][0].score,
            one[0][0].box,
        )
    assert searcher.lookup([]) == []


def test_several_answers_best_first(index, queries) -> None:
    (answers,) = imgfp.Searcher(index).lookup(queries / "a_saved.jpg", answers=3)
    scores = [answer.score for answer in answers]
    assert len(scores) > 1
    assert scores == sorted(scores, reverse=True)
    assert answers[0].reference_id == "astronaut"


def test_several_threads_at_once(index, queries, monkeypatch) -> None:
    monkeypatch.setattr("imgfp.detection.finders.missing_packages", lambda: ["nothing"])  # straight edges: no export
    searcher = imgfp.Searcher(index, ALL)
    paths = sorted(queries.iterdir())
    alone = [searcher.lookup(path) for path in paths]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(searcher.lookup, paths * 3))
    assert together == alone * 3


def test_a_preset_without_probabilities(queries, tmp_path, one_process) -> None:
    (tmp_path / "photos").mkdir()
    for name in ("astronaut", "coffee"):
        photograph(name).save(tmp_path / "photos" / f"{name}.png")
    index = imgfp.build_index(tmp_path / "photos", tmp_path / "index", preset="imgfp", branches="local")
    ((answer,),) = imgfp.Searcher(index).lookup(queries / "a_saved.jpg")
    assert (answer.reference_id, answer.label) == ("astronaut", None)
    assert answer.score > 10


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (
            np.zeros((4, 4), np.uint8),
            r"^image 0: an array of shape \(4, 4\), dtype uint8: give \(height, width, 3\) uint8",
        ),
        (np.zeros((4, 4, 3), np.float32), r"^image 0: an array of shape \(4, 4, 3\), dtype float32: give"),
        ([np.zeros((9, 9, 3), np.uint8), 7], r"^image 1: int: give a path, a PIL image or a NumPy array$"),
        ("missing.jpg", r"missing\.jpg: no such file: give an image that can be read$"),
        (np.zeros((0, 4, 3), np.uint8), r"^image 0: an array of shape \(0, 4, 3\)"),
    ],
)
def test_bad_images(index, image, message) -> None:
    with pytest.raises(imgfp.InputError, match=message):
        imgfp.Searcher(index, "local").lookup(image)


def test_an_unreadable_file_is_named(index, queries, tmp_path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    with pytest.raises(imgfp.InputError, match=r"broken\.jpg: not a readable image"):
        imgfp.Searcher(index, "local").lookup([queries / "a_saved.jpg", tmp_path / "broken.jpg"])


def test_the_detector_is_opened_once(index, queries, monkeypatch, capsys) -> None:
    monkeypatch.setattr("imgfp.detection.finders.missing_packages", lambda: ["nothing"])
    searcher = imgfp.Searcher(index, ALL)
    for path in (queries / "a_saved.jpg", queries / "c_pasted.png"):
        searcher.lookup(path)
    assert capsys.readouterr().err.count("falling back to the classical detector") == 1


def test_impossible_branches_and_counts(index, queries, tmp_path) -> None:
    with pytest.raises(imgfp.InputError, match=r"^index='photos\.index': not an opened index"):
        imgfp.Searcher("photos.index")  # type: ignore[arg-type]
    with pytest.raises(imgfp.InputError, match=r"^the crop branch applies to queries only, an index stores no crops"):
        imgfp.build_index(queries, tmp_path / "index", branches=ALL)
    with pytest.raises(imgfp.InputError, match="unknown branch 'globl': must be one of"):
        imgfp.Searcher(index, "globl")
    with pytest.raises(imgfp.InputError, match="answers=0: must be >= 1"):
        imgfp.Searcher(index, "local").lookup(queries / "a_saved.jpg", answers=0)


def test_an_index_that_was_changed_meanwhile(queries, tmp_path, one_process) -> None:
    (tmp_path / "photos").mkdir()
    for name in ("astronaut", "coffee"):
        photograph(name).save(tmp_path / "photos" / f"{name}.png")
    index = imgfp.build_index(tmp_path / "photos", tmp_path / "index", branches="local")
    searcher = imgfp.Searcher(index)
    assert searcher.lookup(queries / "a_saved.jpg")[0]
    remove_images(["astronaut"], tmp_path / "index", {})
    changed = r"index: the index was changed since it was opened: open it again with imgfp\.open_index$"
    with pytest.raises(imgfp.InputError, match=changed):
        searcher.lookup(queries / "a_saved.jpg")
    with pytest.raises(imgfp.InputError, match=changed):
        imgfp.Searcher(index)
    assert imgfp.Searcher(imgfp.open_index(tmp_path / "index")).lookup(queries / "a_saved.jpg") == [[]]


def test_importing_imgfp_loads_no_heavy_library() -> None:
    import subprocess
    import sys

    code = "import sys, imgfp; assert 'Searcher' in dir(imgfp); print([m for m in ('torch', 'cv2', 'numpy', 'faiss') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    with pytest.raises(AttributeError, match="has no attribute 'search'"):
        imgfp.search  # noqa: B018
