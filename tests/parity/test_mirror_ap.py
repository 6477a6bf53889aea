"""Average precision on golden/mirror/ap: Oxford's rule, oxford_bench and Holidays from end to end."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgfp.datasets.holidays import open_holidays
from imgfp.datasets.oxford import open_oxford
from imgfp.metrics import Protocol, Relevance, evaluate_rankings
from imgfp.records.match_pairs import MatchPairs

SINGLE = 1e-6  # the original adds up float32 and prints six digits


@pytest.fixture(scope="module")
def folder(golden: Path) -> Path:
    found = golden / "mirror/ap"
    if not found.is_dir():
        pytest.skip(f"{golden} has no mirror/ap")
    return found


def part(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"this golden folder has no {path.name}")
    return path


def test_every_ranking_with_junk(folder: Path) -> None:
    cases: list[dict[str, Any]] = json.loads(part(folder / "compute_ap_cases.json").read_text())
    assert cases
    for case in cases:
        codes = {
            name: code for code, name in enumerate(sorted({*case["ranked"], *case["good"], *case["ok"], *case["junk"]}))
        }
        ranked, junk = (np.array([codes[name] for name in case[key]], dtype=int) for key in ("ranked", "junk"))
        positives = np.array(sorted({codes[name] for key in ("good", "ok") for name in case[key]}), dtype=int)
        metrics = evaluate_rankings([ranked], Relevance((positives,), (junk,)), Protocol())
        wanted = float(case["stdout"])
        assert metrics.average_precision[0] == pytest.approx(wanted, abs=SINGLE, nan_ok=True), case["name"]


def test_oxford_bench(folder: Path) -> None:
    where = part(folder / "oxford")
    expected = json.loads((where / "expected.json").read_text())
    data = open_oxford(where, "oxford")
    (metrics,) = data.evaluate(MatchPairs.read(where / "match_pairs", repeats=True), where).values()
    found = dict(zip(data.queries, metrics.average_precision, strict=True))
    assert found == pytest.approx(expected["ap"], abs=SINGLE)
    assert metrics.figures()["map"] == pytest.approx(expected["mAP"], abs=SINGLE)


def test_holidays(folder: Path) -> None:
    where = part(folder / "holidays")
    cases = json.loads((where / "expected.json").read_text())
    assert cases
    data = open_holidays(where)
    for case in cases:
        path = where / f"{case['name']}.match_pairs.txt"
        answers = MatchPairs.read(path)
        (metrics,) = data.evaluate(answers, path).values()
        found = dict(zip(data.queries, metrics.average_precision, strict=True))
        assert found == pytest.approx(case["ap"], abs=1e-12), case["name"]
        assert metrics.figures()["map"] == pytest.approx(case["mAP"], abs=1e-12), case["name"]
        rankings = answers.answers_of(len(data.queries))
        lines = {line.split()[0]: line.split()[2::2] for line in (where / f"{case['name']}.result.dat").open()}
        for query, ranking in zip(
            data.queries, rankings, strict=True
        ):  # the same answers in the benchmark's own format
            assert [data.database[index] for index in ranking] == lines[query], case["name"]
