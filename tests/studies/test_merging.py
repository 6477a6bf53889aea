"""Stored candidates, proposed settings, and the split of the queries; `test_merging_equal.py` has the figures."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imgfp.errors import InputError
from imgfp.fusion import Calibration
from imgfp.records import GroundTruth, Pairs
from imgfp.studies.merging import merger as mergers
from imgfp.studies.merging.merger import Merger
from imgfp.studies.merging.proposals import Axes
from imgfp.studies.merging.setting import Setting
from imgfp.studies.merging.sheet import Row, write_pictures, write_settings
from imgfp.studies.merging.split import Split
from imgfp.studies.merging.stored import MergeCandidates
from imgfp.studies.merging.table import CandidateTable

ROOT = Path(__file__).resolve().parents[2]
BASE = Setting((("a", 1.0), ("b", 1.0)))
TRUTH = GroundTruth.of([(f"Q{n}", f"R{n}") for n in range(20)])


@pytest.fixture
def candidates() -> MergeCandidates:
    random = np.random.default_rng(0)
    rows = [(f"Q{n}", f"R{m}", float(n == m) + float(random.normal())) for n in range(20) for m in range(20)]
    branches = {"a": Pairs.of(rows[::3]), "b": Pairs.of(rows[::2])}
    return MergeCandidates.of_table(CandidateTable.of_files(branches, TRUTH), TRUTH)


def test_stored_candidates_give_the_same_figures(candidates, tmp_path) -> None:
    path = tmp_path / "candidates.npz"
    assert MergeCandidates.read(path, TRUTH) is None
    candidates.write(path)
    read = MergeCandidates.read(path, TRUTH)
    assert read is not None
    setting = Setting((("a", 0.3), ("b", 2.0)))
    assert Merger(read, Split()).evaluate(setting) == Merger(candidates, Split()).evaluate(setting)
    fewer = GroundTruth.of([(f"Q{n}", f"R{n}") for n in range(19)])
    with pytest.raises(InputError, match=r"candidates\.npz: candidates of other queries than the ground truth lists"):
        MergeCandidates.read(path, fewer)
    path.write_bytes(path.read_bytes()[:-100])
    assert MergeCandidates.read(path, TRUTH) is None, "damaged: extracted again"


def test_many_settings_are_evaluated_in_their_order(candidates) -> None:
    merger, settings = Merger(candidates, Split()), Axes(BASE, {}, ("a", "b")).randomly(40, seed=1)
    done = list(merger.evaluate_all(settings))
    assert [each.setting for each in done] == settings
    assert done == [merger.evaluate(setting) for setting in settings]
    assert merger.evaluate(BASE).held_out != Merger(candidates, Split("second", "first")).evaluate(BASE).held_out


def test_few_rankers_are_kept_and_the_digest_is_of_their_content(candidates, tmp_path, monkeypatch) -> None:
    calibrations = {name: Calibration((0.0,) * 7, (1.0,) * 7, (1.0,) * 7, n, *(0.5,) * 4, 4, "") for n, name in enumerate("xyz")}  # fmt: skip
    monkeypatch.setattr(mergers, "_MAX_RANKERS", 2)
    merger = Merger(candidates, Split(), calibrations)
    settings = [replace(BASE, calibration=name) for name in "xyzxyz"]
    done = {each.setting: each for each in merger.evaluate_all(settings)}
    assert list(done) == settings[:3]
    assert len(merger._rankers) == 2
    other = Merger(candidates, Split(), {**calibrations, "x": replace(calibrations["x"], intercept=9.0)})
    assert merger.digest == Merger(candidates, Split(), dict(calibrations)).digest != other.digest
    near = [Merger(candidates, Split(), {}, {"mean": (np.full(3, n), None)}).digest for n in (0.0, 1.0)]
    assert near[0] != near[1]


def test_a_half_without_true_pairs_is_refused() -> None:
    truth = GroundTruth.of([(f"Q{n}", "") for n in range(4)])
    table = CandidateTable.of_files({"a": Pairs.of([("Q1", "R1", 1.0)]), "b": Pairs.of([("Q1", "R2", 1.0)])}, truth)
    with pytest.raises(
        InputError, match=r"^split\.choose=first: its \d queries have no true pair, so uAP is undefined"
    ):
        Merger(MergeCandidates.of_table(table, truth), Split())


def test_combinations_start_with_the_configured_setting_and_lack_all_zero() -> None:
    settings = Axes(BASE, {"a": [0.0, 2.0], "b": [0.0, 1.0]}).combined()
    assert [setting.weights for setting in settings] == [
        (("a", a), ("b", b)) for a, b in ((1, 1), (0, 1), (2, 0), (2, 1))
    ]
    both = Axes(BASE, {"calibration": [None, "x.json"], "normalisation": ["none", "mean"]}).combined()
    assert {(setting.calibration, setting.normalisation) for setting in both} == {
        (calibration, name) for calibration in (None, "x.json") for name in ("none", "mean")
    }
    with pytest.raises(InputError, match=r"^grid: 4,000,000 combinations, at most 100,000 are possible: give shorter"):
        Axes(BASE, {"a": list(range(1, 2001)), "b": list(range(2000))}).combined()


def test_proposals_stay_in_the_range_and_depend_on_the_seed(candidates) -> None:
    axes = Axes(BASE, {"normalisation": ["none", "mean"]}, ("b",), 0.5, 2.0)
    even = axes.evenly(10)
    assert sorted({dict(setting.weights)["b"] for setting in even}) == [0.5, 0.7071, 1.0, 1.414, 2.0]
    assert len(even) == 10
    random = axes.randomly(50, seed=3)
    assert random == axes.randomly(50, seed=3) != axes.randomly(50, seed=4)
    assert len(set(random)) == 50
    assert random[0] == BASE
    assert all(0.5 <= dict(setting.weights)["b"] <= 2 and dict(setting.weights)["a"] == 1 for setting in random)
    merger, ranged = Merger(candidates, Split()), Axes(BASE, {}, ("b",), 0.01, 100.0)
    proposed = list(ranged.by_optuna(30, 0, lambda setting: merger.evaluate(setting).selection.uap))
    assert len(proposed) == 30
    assert proposed[0] == BASE


def test_the_table_and_the_pictures(candidates, tmp_path) -> None:
    axes = Axes(BASE, {"a": [0.0, 1.0, 2.0], "b": [0.5, 1.0]})
    rows = [Row.of(done) for done in Merger(candidates, Split()).evaluate_all(axes.combined())]
    write_settings(tmp_path / "settings.csv", rows)
    lines = (tmp_path / "settings.csv").read_text().splitlines()
    assert lines[0].startswith("a,b,calibration,normalisation,selection/uap,")
    best = max(rows, key=lambda row: row.uap)
    assert lines[1].split(",")[:5] == [*(str(weight) for _, weight in best.setting.weights), "null", "none", repr(best.uap)]  # fmt: skip
    assert [path.name for path in write_pictures(tmp_path, rows)] == ["heat_map.png", "parallel_coordinates.png"]
    assert write_pictures(tmp_path, rows[:1]) == []


def test_the_benchmark_finds_the_same_figures(monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import _side_by_side, merge

    monkeypatch.setattr(_side_by_side, "ROOT", tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["merge.py", "--queries", "60", "--each", "8", "--baseline", "2", "--settings", "0"]
    )
    merge.main()
    said = capsys.readouterr().out
    assert "rule calibrated: 60 queries, 480 pairs" in said
    assert said.count("one by one") == 2
