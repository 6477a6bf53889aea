"""imgfp evaluate: text, JSON, and the comparison with other predictions."""

import json
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest

FIGURES = ["uap", "recall_at_p90", "recall_at_1", "recall_at_10"]
KEYS = [*FIGURES, "threshold_at_p90", "predictions", "queries", "pairs"]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Two true pairs among three queries; `good` finds both first, `bad` ranks a false one first and lacks one."""
    texts = {
        "truth": "query_id,reference_id\nq1,r1\nq2,r2\nq3,\n",
        "good": "query_id,reference_id,score\nq1,r1,0.9\nq2,r2,0.8\nq3,r1,0.1\n",
        "bad": "query_id,reference_id,score\nq3,r1,5\nq1,r1,4\n",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.csv").write_text(text)
    return {name: tmp_path / f"{name}.csv" for name in texts}


def test_json_has_exactly_the_public_keys(imgfp, files) -> None:
    said = imgfp("evaluate", files["bad"], files["truth"], "--json")
    assert (said.code, said.errors) == (0, [])
    found = json.loads(said.out)
    assert sorted(found) == sorted(KEYS)
    # the false pair comes first: precision at the only true one is 1/2, recall rises by 1/2
    assert found == {
        "uap": 0.25, "recall_at_p90": 0.0, "threshold_at_p90": None, "recall_at_1": 0.5, "recall_at_10": 0.5,
        "predictions": 2, "queries": 3, "pairs": 2,
    }  # fmt: skip


def test_text_shows_the_same_figures(imgfp, files) -> None:
    lines = imgfp("evaluate", files["good"], files["truth"]).out.splitlines()
    assert [line.split() for line in lines[:2]] == [["uAP", "1.0000"], ["R@P90", "1.0000"]]
    assert lines[2].split() == ["threshold", "at", "P90", "0.8000"]
    assert lines[-1] == "3 predictions, 3 queries, 2 true pairs"
    assert "threshold at P90   never reached" in imgfp("evaluate", files["bad"], files["truth"]).out.splitlines()


def test_against_prints_differences_with_intervals(imgfp, files) -> None:
    said = imgfp("evaluate", files["good"], files["truth"], "--against", files["bad"])
    assert said.code == 0
    lines = said.out.splitlines()
    start = lines.index(f"difference to {files['bad']} (95 % interval, queries resampled):")
    assert lines[start + 1].startswith("uAP                +0.7500 (+")
    assert [line.split()[0] for line in lines[start + 1 :]] == ["uAP", "R@P90", "recall@1", "recall@10"]


def test_against_as_json(imgfp, files) -> None:
    found = json.loads(imgfp("evaluate", files["good"], files["truth"], "--json", "--against", files["bad"]).out)
    assert sorted(found) == sorted([*KEYS, "against"])
    against = found["against"]
    assert against["predictions_file"] == str(files["bad"])
    assert against["uap"] == 0.25
    assert sorted(against["difference"]) == sorted(FIGURES)
    for name in FIGURES:
        item = against["difference"][name]
        assert item["difference"] == found[name] - against[name]
        assert item["low"] <= item["difference"] <= item["high"]
    assert 0 <= against["difference"]["uap"]["low"] < 0.75 < against["difference"]["uap"]["high"] <= 1
    again = json.loads(imgfp("evaluate", files["good"], files["truth"], "--json", "--against", files["bad"]).out)
    assert again == found, "the draws are seeded"


def test_against_itself_is_no_difference(imgfp, files) -> None:
    found = json.loads(imgfp("evaluate", files["good"], files["truth"], "--json", "--against", files["good"]).out)
    for item in found["against"]["difference"].values():
        assert item == {"difference": 0.0, "low": 0.0, "high": 0.0}


def test_parquet_is_read_by_its_name(imgfp, files, tmp_path) -> None:
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(files["bad"]), tmp_path / "bad.parquet")
    from_parquet, from_csv = (
        imgfp("evaluate", path, files["truth"], "--json").out for path in (tmp_path / "bad.parquet", files["bad"])
    )
    assert from_parquet == from_csv


def test_published_result_of_imgfp(imgfp, golden) -> None:
    folder = golden / "isc" / "imgfp_real"
    lines = imgfp("evaluate", folder / "dev1_imgfp_phase1.csv", folder / "dev1_gt.csv").out.splitlines()
    assert [line.split()[1] for line in lines[:2]] == ["0.8981", "0.8010"]


def test_only_queries_with_an_edit_are_evaluated(imgfp, files, tmp_path) -> None:
    edits = tmp_path / "edits.csv"
    edits.write_text("query_id,edits\nq1,over+blur\nq2,text\nq3,screenshot\n")
    wanted = ("--edits", edits, "--with-edits")
    found = json.loads(imgfp("evaluate", files["bad"], files["truth"], "--json", *wanted, "over, screenshot").out)
    assert (found["queries"], found["pairs"], found["uap"]) == (2, 1, 0.5)
    found = json.loads(imgfp("evaluate", files["bad"], files["truth"], "--json", *wanted, "blur").out)
    assert (found["queries"], found["predictions"], found["uap"]) == (1, 1, 1.0)
    for given, message in (
        (
            (*wanted, "warp"),
            "--with-edits warp: no query has one of these edits; known edits: blur, over, screenshot, text",
        ),
        (("--with-edits", "text"), "--edits FILE and --with-edits EDITS belong together: give both"),
        (("--edits", edits, "--having", "text"), "--having was renamed: use --with-edits"),
        (("--edits", edits), "--edits FILE and --with-edits EDITS belong together: give both"),
        (
            ("--edits", files["truth"], "--with-edits", "text"),
            "has the columns query_id, reference_id: give query_id,edits",
        ),
    ):
        said = imgfp("evaluate", files["bad"], files["truth"], *given)
        assert said.code == 2
        assert message in said.errors[0]
