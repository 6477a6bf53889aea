"""Settings of the merge on arrays give what the search's own code gives: the same predictions and the same figures.

* both rules with weights, and the rules without, on random candidates with ties, zero weights, missing branches and parts;
* each half of the queries is judged as `imgfp.metrics.evaluate` judges it.
"""

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from imgfp.fusion import read_calibration
from imgfp.metrics import evaluate
from imgfp.pipeline.preset import Preset
from imgfp.pipeline.presets import PRESETS
from imgfp.pipeline.rank import Candidates, rank_merged
from imgfp.records import Evidence, GroundTruth, Pairs
from imgfp.studies.merging.ranking import Ranker
from imgfp.studies.merging.split import Split, truth_of_halves
from imgfp.studies.merging.table import OUTSIDE, CandidateTable

QUERIES, REFERENCES = [f"Q{n}" for n in range(12)], [f"R{n}" for n in range(5)]


def a_preset(rule: str, answers: int) -> Preset:
    start = PRESETS["imgfp" if rule == "sum" else "default"]
    return replace(start, fusion=replace(start.fusion, rule=rule, answers=1 if rule == "sum" else answers))


@st.composite
def candidates(draw: st.DrawFn, rule: str) -> Candidates:
    """Few values, so that many are equal; every branch may be missing or empty."""
    names = draw(st.lists(st.sampled_from(["local", "global", "crop"]), min_size=1, unique=True))
    if rule == "similarity":
        names = ["global"]
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    every = [(query, reference) for query in QUERIES for reference in REFERENCES]

    def some(share: float) -> Pairs:
        chosen = [pair for pair in every if random.random() < share]
        return Pairs.of([(*pair, float(random.choice([-0.5, 0.25, 0.5, 1.0, 1.5]))) for pair in chosen])

    def compared(pair: tuple[str, str], part: str = "") -> Evidence:
        inliers = int(random.choice([0, 0, 3, 9, 400]))
        area, matches = float(random.choice([0.1, 1.0])), inliers + int(random.choice([0, 5]))
        return Evidence(*pair, float(inliers), inliers, matches, query_area=area, scale=area, part=part)

    proposed = {name: some(draw(st.sampled_from([0.0, 0.3, 0.9]))) for name in names}
    without = {}
    if "global" in names and "crop" in names:
        kept = random.random(len(proposed["global"])) < 0.5
        without["global"] = proposed["global"].take(kept)
    if rule == "similarity":
        return Candidates(proposed, None)
    whole = sorted({pair for name in names if name != "crop" for pair in proposed[name].id_pairs()})
    parts = {"crop": [compared(pair, f"{pair[0]}.{n}") for pair in proposed["crop"].id_pairs() for n in range(2)]} if "crop" in names else {}  # fmt: skip
    return Candidates(proposed, [compared(pair) for pair in whole if random.random() < 0.95], parts, without)


WEIGHT = st.sampled_from([0.0, 0.3, 1.0, 1.0, 2.5])


@pytest.mark.parametrize("rule", ["calibrated", "sum", "verified", "similarity"])
@settings(max_examples=60)
@given(data=st.data())
def test_the_same_predictions_and_figures(data: st.DataObject, rule: str) -> None:
    preset = a_preset(rule, data.draw(st.sampled_from([1, 2, 10]), "answers"))
    found = data.draw(candidates(rule), "candidates")
    weights = {name: data.draw(WEIGHT, name) for name in ("local", "global", "crop")}
    if rule in ("verified", "similarity") or not any(weights.values()):
        weights = dict.fromkeys(weights, 1.0)
    preset = replace(preset, fusion=replace(preset.fusion, weights=weights))
    calibration = read_calibration() if rule == "calibrated" else None
    listed = QUERIES[:-1]  # one query is outside the ground truth
    truth = GroundTruth.of([(query, data.draw(st.sampled_from(REFERENCES))) for query in listed])

    wanted = rank_merged(preset, calibration, found)[0].best_first()
    seen = found if weights["crop"] else found.whole_queries_only()
    table = CandidateTable.of(preset, seen, truth)
    assert set(table.half[table.queries == QUERIES[-1]]) <= {OUTSIDE}
    ranked = Ranker.of(table, calibration).ranked(weights)
    got = ranked.predictions
    assert got.id_pairs() == wanted.id_pairs()
    assert got.scores.tolist() == wanted.scores.tolist()
    halves = truth_of_halves(truth)
    totals = [(len(half.queries), len(half.query_ids)) for half in halves]
    figures = ranked.figures(Split().groups(table.half), totals)
    assert figures == [evaluate(wanted, half) for half in halves]
    everything = Split("all", "same").groups(table.half)
    assert ranked.figures(everything, [(len(truth.queries), len(truth.query_ids))]) == [evaluate(wanted, truth)]


def test_halves_are_disjoint_and_do_not_depend_on_the_rest() -> None:
    truth = GroundTruth.of([(f"Q{n:05d}", f"R{n}" if n % 3 else "") for n in range(200)])
    first, second = truth_of_halves(truth)
    assert not set(first.queries) & set(second.queries)
    assert len(first.queries) + len(second.queries) == 200
    assert 80 < len(first.queries) < 120
    assert first.pairs() | second.pairs() == truth.pairs()
    fewer, _ = truth_of_halves(GroundTruth.of([(f"Q{n:05d}", "") for n in range(50)]))
    assert set(fewer.queries) == set(first.queries[np.isin(first.queries, [f"Q{n:05d}" for n in range(50)])])
