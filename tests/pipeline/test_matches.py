"""matches.csv: labels of answers, where the copy is, and images without keypoints."""

import csv
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from one_process import OneProcess
from PIL import Image, ImageOps

from imgfp.errors import InputError
from imgfp.fusion import COPIES, EDITED, EXACT, NONE, Calibration, FusionConfig
from imgfp.images import FileSize, ImageList
from imgfp.pipeline.answers import HEADER, Answer, write_matches
from imgfp.pipeline.index.index import open_index
from imgfp.pipeline.presets import PRESETS
from imgfp.pipeline.run_config import RunConfig
from imgfp.pipeline.search import SearchResult, find, search
from imgfp.pipeline.stages.pair_evidence import _box, _spanned
from imgfp.records import Evidence

# 8 inliers are even odds; the probability of n is (n + 1)^2 / ((n + 1)^2 + 81)
CALIBRATION = Calibration(
    (0.0,) * 7, (1.0,) * 7, (2.0, *(0.0,) * 6), -2 * math.log(9), 0.75, 0.95, 0.2, 0.01, 8, "nothing"
)


@dataclass(frozen=True)
class Detection:
    result: SearchResult
    rows: dict[str, dict[str, str]]  # of matches.csv, by query


def calibrated(folder: Path):
    CALIBRATION.write(folder / "calibration.json")
    return replace(PRESETS["default"], fusion=FusionConfig(calibration=str(folder / "calibration.json")))


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def flat(path: Path) -> None:
    Image.new("RGB", (120, 90), (200, 30, 30)).save(path)


@pytest.fixture(scope="module")
def found(small_set, tmp_path_factory) -> Detection:
    """Three photographs and an image of one colour are searched; one run for all tests that only read it."""
    folder = tmp_path_factory.mktemp("labels")
    references, queries = folder / "references", folder / "queries"
    references.mkdir()
    queries.mkdir()
    originals = [Image.open(small_set.references / f"ref{number}.png") for number in (0, 2, 5)]
    for number, image in enumerate(originals):
        image.save(references / f"r{number}.png")
    flat(references / "flat.png")
    background = Image.open(small_set.background / "back3.png").resize((500, 480), Image.Resampling.BICUBIC)
    background.paste(originals[2], (100, 60))
    edited = {
        "saved": originals[0],
        "smaller": originals[1].resize((200, 184)),
        "crop": originals[0].crop((60, 40, 220, 200)),
        "negative": ImageOps.invert(originals[1]),
        "mirrored_negative": ImageOps.mirror(ImageOps.invert(originals[2])),
        "mirrored": ImageOps.mirror(originals[0]),
        "pasted": background,
    }
    for name, image in edited.items():
        image.save(queries / f"{name}.jpg", quality=85)
    flat(queries / "flat.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imgfp.pipeline.stages.features.SiftPool", OneProcess)
        patch.setenv("IMGFP_THREADS", "1")
        lists = ImageList.open(queries), ImageList.open(references)
        result = find(*lists, folder / "out", RunConfig("default", calibrated(folder), ("local", "global")))
    return Detection(result, {row["query_id"]: row for row in read(result.out / "matches.csv")})


def test_every_copy_is_found_and_named(found: Detection) -> None:
    wanted = {
        "saved": ("r0", EXACT),
        "smaller": ("r1", EXACT),
        "crop": ("r0", EDITED),
        "negative": ("r1", EDITED),
        "mirrored_negative": ("r2", EDITED),
        "mirrored": ("r0", EDITED),
        "pasted": ("r2", EDITED),
    }
    assert {name: (row["reference_id"], row["label"]) for name, row in found.rows.items() if name != "flat"} == wanted


def test_global_edits_are_reported(found: Detection) -> None:
    changed = {name: (row["mirrored"], row["inverted"]) for name, row in found.rows.items() if name != "flat"}
    assert {name: both for name, both in changed.items() if "True" in both} == {
        "negative": ("False", "True"),
        "mirrored_negative": ("True", "True"),
        "mirrored": ("True", "False"),
    }


def test_the_box_is_in_pixels_of_the_query(found: Detection) -> None:
    def box(name: str) -> list[int]:
        return [int(found.rows[name][side]) for side in ("left", "top", "right", "bottom")]

    assert box("pasted") == pytest.approx([100, 60, 350, 290], abs=4)
    assert box("saved") == pytest.approx([0, 0, 250, 230], abs=2)
    assert box("smaller") == pytest.approx([0, 0, 200, 184], abs=2)
    assert box("crop") == [0, 0, 160, 160], "clipped to the query"


def test_counts_and_sizes(found: Detection) -> None:
    for name, row in found.rows.items():
        if name != "flat":
            assert int(row["matches"]) >= int(row["inliers"]) > 8
    queries = found.result.queries
    for name, width, height in (("crop", 160, 160), ("pasted", 500, 480), ("flat", 120, 90)):
        path = queries.paths[queries.ids.index(name)]
        assert [found.rows[name][f"query_{side}"] for side in ("width", "height", "bytes")] == [
            str(width),
            str(height),
            str(path.stat().st_size),
        ]
    assert (found.rows["crop"]["reference_width"], found.rows["crop"]["reference_height"]) == ("250", "230")


def test_a_query_of_one_colour_is_no_copy_of_anything(found: Detection) -> None:
    """The global branch still proposes its most similar reference."""
    row = found.rows["flat"]
    assert (row["label"], row["inliers"], row["left"]) == (NONE, "0", "")
    assert float(row["probability"]) < 0.2


def test_predictions_are_the_same_pairs_without_ties(found: Detection) -> None:
    predictions, matches = (read(found.result.out / name) for name in ("predictions.csv", "matches.csv"))
    assert [[row["query_id"], row["reference_id"], row["score"]] for row in predictions] == [
        [row["query_id"], row["reference_id"], row["probability"]] for row in matches
    ]
    scores = [float(row["score"]) for row in predictions]
    assert scores == sorted(set(scores), reverse=True)
    assert 0 < min(scores) < max(scores) < 1
    for row in matches[:3]:
        count = int(row["inliers"]) + 1
        assert float(row["probability"]) == pytest.approx(count**2 / (count**2 + 81))


def test_the_summary_counts_labels(found: Detection) -> None:
    assert found.result.summary.endswith(
        "8 queries among 4 references: 7 copies, 0 similar but not copies, the rest below the similarity threshold"
    )
    assert sum(answer.label in COPIES for answer in found.result.answers) == 7


def test_a_different_rule_leaves_no_labels_of_this_one(found: Detection, tmp_path, one_process) -> None:
    index, preset = open_index(found.result.out / "index"), calibrated(tmp_path)
    queries = found.result.queries
    one = ImageList(queries.root, queries.ids[:1], queries.paths[:1])
    search(index, one, tmp_path / "out", RunConfig("default", preset, ("local",)))
    assert (tmp_path / "out/matches.csv").is_file()
    verified = replace(preset, fusion=FusionConfig("verified"))
    result = search(index, one, tmp_path / "out", RunConfig("default", verified, ("local",)))
    assert not (tmp_path / "out/matches.csv").exists()
    assert result.answers == ()


@pytest.mark.parametrize("blank", ["query", "reference"])
def test_without_keypoints_on_one_side_nothing_is_found(small_set, tmp_path, one_process, blank: str) -> None:
    folders = {"query": tmp_path / "q", "reference": tmp_path / "r"}
    for part, folder in folders.items():
        folder.mkdir()
        if part == blank:
            flat(folder / f"{part}.png")
        else:
            Image.open(small_set.references / "ref0.png").save(folder / f"{part}.png")
    lists = [ImageList.open(folder) for folder in folders.values()]
    result = find(*lists, tmp_path / "out", RunConfig.named(branches="local"))
    assert len(result.predictions) == 0
    assert result.summary == "0 pairs for 0 of 1 queries among 1 reference"
    (row,) = read(result.out / "matches.csv")
    assert row == {name: "" for name in HEADER} | {"query_id": "query", "label": NONE}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, r"^.*calibration\.json: no such file: fit it with train/ranking\.py$"),
        ("{", r"^.*calibration\.json: damaged or not a calibration file: fit it again with train/ranking\.py$"),
        (
            '{"schema": 0, "features": []}',
            r"^.*calibration\.json: calibration of an unsupported version: fit it again .*$",
        ),
    ],
)
def test_an_unusable_calibration_is_reported_before_the_work(small_set, tmp_path, text, said: str) -> None:
    preset = calibrated(tmp_path)
    (tmp_path / "calibration.json").unlink() if text is None else (tmp_path / "calibration.json").write_text(text)
    lists = [ImageList.open(folder) for folder in (small_set.queries, small_set.references)]
    with pytest.raises(InputError, match=said):
        find(*lists, tmp_path / "out", RunConfig("default", preset, ("local",)))
    assert not (tmp_path / "out").exists()


def test_rows_by_hand(tmp_path) -> None:
    evidence = Evidence("q,1", "r", 9.5, 9, 17, True, False, left=0.0, top=0.25, right=0.506, bottom=1.0)
    sizes = FileSize(200, 100, 1234), FileSize(20, 30, 56)
    whole = Answer("q,1", "r", 0.5, EDITED, evidence, *sizes)
    assert whole.row() == ["q,1", "r", 0.5, EDITED, 9, 17, True, False, 0, 25, 101, 100, 200, 100, 1234, 20, 30, 56]
    assert len(whole.row()) == len(HEADER)
    gone = replace(whole, query_size=None)
    assert gone.row()[8:] == [*[""] * 7, 20, 30, 56], "no box in pixels where the query's are not known"
    assert replace(whole, evidence=None).row()[4:12] == [""] * 8
    assert replace(whole, evidence=Evidence("q,1", "r", 0.0, 0, 3)).row()[4:12] == [0, 3, False, False, *[""] * 4]

    queries = ImageList(tmp_path, ("q,1", "q2"), (tmp_path / "q,1.png", tmp_path / "q2.png"))
    write_matches(tmp_path / "matches.csv", (whole,), queries)
    first, second = read(tmp_path / "matches.csv")
    assert (first["query_id"], first["right"]) == ("q,1", "101")
    assert (second["query_id"], second["label"], second["probability"]) == ("q2", NONE, "")


def test_boxes_and_shares_by_hand() -> None:
    frames = np.array([100.0, 50.0]), np.array([400.0, 200.0])
    double = np.array([[2.0, 0, 40.5], [0, 2, 20.5], [0, 0, 1]])  # plus half a pixel: corners are edges of pixels
    assert _box(double, *frames) == pytest.approx([0.1, 0.1, 0.6, 0.6])
    assert _box(double @ np.diag([-1.0, 1, 1]), *frames) == pytest.approx([0, 0.1, 0.105, 0.6], abs=0.01)
    assert _box(double @ np.diag([9.0, 9, 1]), *frames)[2:] == [1, 1]
    assert _box(np.array([[1.0, 0, 0], [0, 1, 0], [-0.02, 0, 1]]), *frames) == [0, 0, 1, 1], "beyond the horizon"
    places = np.array([[10.0, 10], [59, 10], [30, 34]])
    assert _spanned(places, frames[0]) == pytest.approx(50 * 25 / 5000)
    assert _spanned(places * 9, frames[0]) == 1.0
