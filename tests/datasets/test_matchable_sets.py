"""Benchmarks of matchable retrieval in their published layouts: what is right for each query, and one clear line otherwise."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from imgfp.datasets.benchmarks import open_benchmark
from imgfp.datasets.gl3d import open_gl3d
from imgfp.datasets.holidays import open_holidays
from imgfp.datasets.matchable_set import MatchableSet
from imgfp.datasets.oxford import open_oxford
from imgfp.datasets.revisited import open_revisited
from imgfp.datasets.scenes import open_scenes
from imgfp.errors import InputError
from imgfp.records.match_pairs import MatchPairs


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes text files below tmp_path: write({"a/b.txt": "..."})."""

    def make(files: dict[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return make


def lists(data: MatchableSet, subset: str = "") -> tuple[list[list[int]], list[list[int]]]:
    """Positives and ignored images of every query."""
    truth = data.truth[subset]
    return [each.tolist() for each in truth.positives], [each.tolist() for each in truth.ignored]


def refuses(opened: Callable[[], object], folder: Path) -> str:
    with pytest.raises(InputError) as error:
        opened()
    assert "\n" not in str(error.value)
    return str(error.value).replace(f"{folder}/", "").replace(str(folder), "ROOT")


SCENES = {"image_list.txt": "a/images/1.jpg\na/images/2.jpg\nb/images/1.jpg\n", "gt_pairs": "0 1\n1 0\n1 1\n"}


def test_scenes(write) -> None:
    data = open_scenes(write(SCENES))
    assert lists(data) == ([[1], [0], []], [[0], [1], [2]])
    assert data.groups == ("a", "a", "b")
    answers = MatchPairs(np.array([0, 0, 1, 1]), np.array([0, 1, 2, 0]), np.ones(4))
    assert data.evaluate(answers, "here")[""].figures() == {"map_at_50": (1 + 0.25) / 2, "recall_at_10": 1.0}


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("gt_pairs", "0 1\n0 3\n", "gt_pairs line 2: index 3, but the image list has 3 images: give the list that the ground truth was made with"),
        ("gt_pairs", "0 -1\n", "gt_pairs line 1: index -1, but the image list has 3 images: give the list that the ground truth was made with"),
        ("gt_pairs", "0\n", "gt_pairs line 1: '0' is not '<query index> <database index>': fix the line"),
        ("gt_pairs", "a/images/1.jpg x.jpg\n", "gt_pairs line 1: 'a/images/1.jpg x.jpg' is not '<query index> <database index>': fix the line"),
        ("gt_pairs", "\n", "ROOT: no query has a positive, so mAP is undefined: give ground truth that belongs to the image list"),
        ("image_list.txt", "", "image_list.txt: the list is empty: give one name per line"),
        ("image_list.txt", "a\n\nb\n", "image_list.txt line 2: empty, and line numbers are indices: remove the line"),
        ("image_list.txt", "a\nb\na\n", "image_list.txt line 3: 'a' repeats line 1: remove one"),
    ],
)  # fmt: skip
def test_scenes_of_unknown_layout_are_refused(write, name: str, text: str, line: str) -> None:
    root = write(SCENES | {name: text})
    assert refuses(partial(open_scenes, root), root) == line


def test_answers_beyond_the_lists_are_refused(write) -> None:
    data = open_scenes(write(SCENES))
    answers = MatchPairs(np.array([0]), np.array([3]), np.ones(1))
    with pytest.raises(InputError, match="match_pairs: database index 3, but the database list has 3 images"):
        data.evaluate(answers, "match_pairs")


GL3D = {
    "eval_img_list.txt": "data/s/images/2.jpg\ndata/s/images/1.jpg\ndata/t/undist_images/7.jpg\ndata/t/undist_images/8.jpg\n",
    **{f"data/s/images/{n}.jpg": "" for n in (1, 2, 3)},
    **{f"data/t/undist_images/{n}.jpg": "" for n in (7, 8)},
    "data/t/image_list.txt": "undist_images/8.jpg\nundist_images/7.jpg\n",
    "data/s/geolabel/mesh_overlap.txt": "0 1 0.5\n1 0 0.49\n0 2 0.9\n0 0 1\n",
    "data/t/geolabel/mesh_overlap.txt": "0 1 0.6\n1 0 0.2\n",
    "data/s/geolabel/common_track.txt": "1 0 0.3\n",
}


def test_gl3d_from_ratios_at_a_threshold(write) -> None:
    root = write(GL3D)
    data = open_gl3d(root, None, None, "mesh_overlap", 0.5)
    # indices in a scene are those of its sorted images, or of its image_list.txt; 3.jpg is not evaluated
    assert lists(data) == ([[], [0], [], [2]], [[0], [1], [2], [3]])
    assert "positives: mesh_overlap >= 0.5; the published threshold is unknown" in data.caveats
    assert lists(open_gl3d(root, None, None, "mesh_overlap", 0.2))[0] == [[1], [0], [3], [2]]
    assert lists(open_gl3d(root, None, None, "common_track", 0.3))[0] == [[1], [], [], []]
    write({"gl3d_gt_pairs": "3 1\n3 1\n"})
    data = open_gl3d(root, None, None, "mesh_overlap", 0.5)
    assert lists(data)[0] == [[], [], [], [1, 1]]
    assert data.caveats[0].startswith("positives from gl3d_gt_pairs; ")


def test_gl3d_of_unknown_layout_is_refused(write) -> None:
    root = write(GL3D)

    def said(label: str = "mesh_overlap", threshold: float = 0.5) -> str:
        return refuses(partial(open_gl3d, root, None, None, label, threshold), root)

    assert said("overlap") == "data.label=overlap: must be one of mesh_overlap, common_track"
    assert said(threshold=0) == "data.threshold=0: must be above 0 and at most 1"
    assert said("common_track", 0.9).startswith("ROOT: no query has a positive")
    ratios = "data/s/geolabel/mesh_overlap.txt"
    write({ratios: "0 3 0.5\n"})
    assert (
        said()
        == f"{ratios} line 1: indices 0 and 3, but the scene has 3 images: give the images that the ratios were computed for"
    )
    write({ratios: "0 1 nan\n"})
    assert said() == f"{ratios} line 1: '0 1 nan' is not '<index> <index> <ratio>': fix the line"


OXFORD = {
    **{f"oxbuild_images/{name}.jpg": "" for name in ("c", "a", "d", "b")},
    "gt_files_170407/hall_1_good.txt": "a\nb\n",
    "gt_files_170407/hall_1_ok.txt": "b\n",
    "gt_files_170407/hall_1_junk.txt": "d\n",
    "gt_files_170407/hall_1_query.txt": "oxc1_a 1.5 2 30 40\n",
}


def test_oxford_in_its_published_layout(write) -> None:
    data = open_oxford(write(OXFORD), "oxford")
    assert data.database == tuple(f"oxbuild_images/{name}.jpg" for name in "abcd")
    assert data.queries == ("oxbuild_images/a.jpg",)
    assert lists(data) == ([[0, 1]], [[3]])


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("hall_1_ok.txt", "e\n", "gt_files_170407/hall_1_ok.txt line 1: 'e' is not in the image list: list the image, or remove the line"),
        ("hall_1_query.txt", "oxc1_e 1 2 3 4", "gt_files_170407/hall_1_query.txt: 'e' is not in the image list: list the image, or fix the file"),
        ("tower_2_good.txt", "", "gt_files_170407/tower_2_ok.txt: no such file: give the benchmark's ground truth"),
    ],
)  # fmt: skip
def test_oxford_of_unknown_layout_is_refused(write, name: str, text: str, line: str) -> None:
    root = write(OXFORD | {f"gt_files_170407/{name}": text})
    assert refuses(partial(open_oxford, root, "oxford"), root) == line


def test_oxford_without_a_positive_is_refused(write, tmp_path: Path) -> None:
    root = write(OXFORD | {f"gt_files_170407/hall_1_{part}.txt": "" for part in ("good", "ok")})
    assert refuses(partial(open_oxford, root, "oxford"), root) == (
        "gt_files_170407: query hall_1 has no positive, so its AP is undefined: remove it from the list"
    )
    assert refuses(partial(open_oxford, tmp_path / "oxbuild_images", "paris"), tmp_path) == (
        "oxbuild_images: no folder of ground truth (groundtruth, gt, gt_files, gt_files_170407, paris_120310): "
        "give data.ground_truth=DIR"
    )


def test_holidays(write) -> None:
    root = write({f"jpg/{name}.jpg": "" for name in ("100000", "100001", "100002", "100100", "100101")})
    data = open_holidays(root)
    assert data.queries == ("jpg/100000.jpg", "jpg/100100.jpg")
    assert lists(data) == ([[1, 2], [4]], [[0], [3]])
    for queries, line in [
        ("100200.jpg", "query 100200.jpg: not in the image list: give the lists of one data set"),
        ("summer.jpg", "query summer.jpg: not in the image list: give the lists of one data set"),
    ]:
        write({"query_list.txt": queries})
        assert refuses(partial(open_holidays, root), root) == line
    write({"query_list.txt": "100000.jpg", "db_list.txt": "100000.jpg\n100100.jpg\n"})
    assert refuses(partial(open_holidays, root), root) == (
        "query 100000.jpg: no other image of its scene in the image list: give the complete set"
    )
    write({"db_list.txt": "100000.jpg\nsummer.jpg\n"})
    assert (
        refuses(partial(open_holidays, root), root)
        == "summer.jpg: not named by a number, as the images of Holidays are: fix the list"
    )


def test_lists_without_the_folder(write) -> None:
    root = write({"all.txt": "100000.jpg\n100001.jpg\n", "queries.txt": "100000.jpg\n"})
    data = open_benchmark(
        "holidays", root / "none", {"image_list": root / "all.txt", "query_list": root / "queries.txt"}
    )
    assert lists(data) == ([[1]], [[0]])
    said = refuses(partial(open_benchmark, "holidays", root / "none", {"query_list": root / "queries.txt"}), root)
    assert said == "none: no such folder: give the folder of holidays with data.root=DIR"


REVISITED = {
    "imlist": ["a", "b", "c", "d"],
    "qimlist": ["q"],
    "gnd": [{"bbx": [0.0, 1.0, 2.0, 3.0], "easy": [0], "hard": [2, 1], "junk": [3]}],
}


def test_revisited(write) -> None:
    root = write({"gnd_roxford5k.json": json.dumps(REVISITED)})
    data = open_revisited(root, "roxford")
    assert data.database[0] == "jpg/a.jpg"
    assert data.queries == ("jpg/q.jpg",)
    assert {name: lists(data, name) for name in data.truth} == {
        "easy": ([[0]], [[3, 2, 1]]),
        "medium": ([[0, 2, 1]], [[3]]),
        "hard": ([[2, 1]], [[3, 0]]),
    }
    answers = MatchPairs(np.zeros(4, int), np.array([3, 1, 0, 2]), np.arange(4.0)[::-1])
    found = {name: metrics.figures()["map"] for name, metrics in data.evaluate(answers, "x").items()}
    assert found == pytest.approx({"easy": 1, "medium": 1, "hard": 1})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"imlist": ["a"]}, "hard has an index outside the 1 images"),
        ({"gnd": []}, "1 queries, but ground truth of 0"),
        ({"gnd": [{"easy": [0.5], "hard": [], "junk": []}]}, "easy is not a list of indices"),
        ({"qimlist": "q"}, "imlist and qimlist are not lists of names"),
        ({"gnd": [{"easy": [0]}]}, "'hard'"),
    ],
)
def test_revisited_of_unknown_layout_is_refused(write, change, reason: str) -> None:
    root = write({"gnd_rparis6k.json": json.dumps(REVISITED | change)})
    assert refuses(partial(open_revisited, root, "rparis"), root) == (
        f"gnd_rparis6k.json: not the benchmark's ground truth ({reason}): convert the published file again"
    )


def test_revisited_names_the_conversion(write) -> None:
    root = write({"gnd_rparis6k.pkl": "x"})
    assert refuses(partial(open_revisited, root, "rparis"), root) == (
        "ROOT: no ground truth gnd_rparis*.json: convert the published file once with "
        "'imgfp convert-pickle gnd_rparis6k.pkl gnd_rparis6k.json', or give data.ground_truth=FILE"
    )
