"""Settings of the merge over made-up candidates: imgfp.studies.merging with ranking and evaluating each one anew.

The baseline, `rank_merged` and `evaluate` of both halves, is what evaluate/merge.py did for each setting before it stored
candidates as arrays. Both give the same figures, which is checked.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # also as `python benchmarks/NAME.py`

from benchmarks._side_by_side import alternate, in_fresh_process, need, show
from imgfp.fusion import FusionConfig
from imgfp.metrics import IscMetrics, evaluate
from imgfp.pipeline.preset import Preset
from imgfp.pipeline.presets import PRESETS
from imgfp.pipeline.rank import Candidates, calibration_of, rank_merged
from imgfp.records import Evidence, GroundTruth, Pairs
from imgfp.studies.merging.calibrations import read_calibrations
from imgfp.studies.merging.merger import Merger
from imgfp.studies.merging.proposals import Axes
from imgfp.studies.merging.setting import Setting
from imgfp.studies.merging.split import Split, truth_of_halves
from imgfp.studies.merging.stored import MergeCandidates

ANSWERS = 10  # per query: the challenge's 500,000 predictions for 50,000 queries
BASE = Setting((("local", 1.0), ("global", 1.0), ("crop", 1.0)))
REFERENCES = 1_000_000

MANY_SETTINGS = """
import time
from pathlib import Path
from benchmarks.merge import BASE, preset_of, varied
from imgfp.records import GroundTruth
from imgfp.studies.merging.merger import Merger
from imgfp.studies.merging.calibrations import read_calibrations
from imgfp.studies.merging.split import Split
from imgfp.studies.merging.stored import MergeCandidates
rule, path, truth, count = sys.argv[1], Path(sys.argv[2]), GroundTruth.read_csv(Path(sys.argv[3])), int(sys.argv[4])
before, started, load = peak(), time.perf_counter(), time.process_time()
candidates = MergeCandidates.read(path, truth)
loaded, load = time.perf_counter(), time.process_time() - load
merger = Merger(candidates, Split(), read_calibrations(preset_of(rule), [None]))
merger.evaluate(BASE)  # loads compiled code
ready, cpu = time.perf_counter(), time.process_time()
done = list(merger.evaluate_all(varied(count)))
ended, cpu = time.perf_counter(), time.process_time() - cpu
print(json.dumps({"imports": before, "peak": peak(), "load": loaded - started, "load_cpu": load, "cpu": cpu, "settings": ended - ready, "count": len(done)}))
"""


def preset_of(rule: str) -> Preset:
    """The preset whose rule is measured."""
    start = PRESETS["imgfp" if rule == "sum" else "default"]
    return replace(start, fusion=FusionConfig(rule=rule, answers=ANSWERS if rule == "calibrated" else 1))


def varied(count: int) -> list[Setting]:
    """Settings that differ in two weights."""
    return Axes(BASE, {}, ("global", "crop")).randomly(count, seed=0)


def made_candidates(queries: int, each: int, seed: int = 0) -> tuple[Candidates, GroundTruth]:
    """`each` references per query: half of them by each branch, which overlap; one in three queries has no true one."""
    rng = np.random.default_rng(seed)
    names = [f"R{number:06d}" for number in range(REFERENCES)]
    ids = [f"Q{number:05d}" for number in range(queries)]
    shares = {
        "local": (0, each // 2),
        "global": (each // 4, 3 * each // 4),
        "crop": (min(3 * each // 5, each - 1), each),
    }
    rows: dict[str, list[tuple[str, str, float]]] = {name: [] for name in shares}
    whole, parts, truth = [], [], []

    def compared(pair: tuple[str, str], true: bool, part: str = "") -> Evidence:
        inliers = int(rng.poisson(14)) if true else int(rng.poisson(3)) * int(rng.random() < 0.5)
        area, scale = rng.random(2).tolist()
        matches = inliers + int(rng.poisson(6))
        return Evidence(*pair, float(inliers), inliers, matches, False, False, area, area, 0.5 + scale, 1.1, part=part)

    for number, query in enumerate(ids):
        found = [names[row] for row in rng.integers(0, REFERENCES, 2 * each).tolist()]
        found = list(dict.fromkeys(found))[:each]
        right = int(rng.integers(each)) if number % 3 else -1
        truth.append((query, found[right] if right >= 0 else ""))
        for name, (start, stop) in shares.items():
            alike = rng.random(stop - start).tolist()
            rows[name] += [(query, reference, score) for reference, score in zip(found[start:stop], alike, strict=True)]
        last = shares["global"][1]
        whole += [compared((query, reference), place == right) for place, reference in enumerate(found[:last])]
        start, stop = shares["crop"]
        parts += [
            compared((query, found[place]), place == right, f"{query}.0") for place in range(start, min(stop, each))
        ]
    proposed = {name: Pairs.of(values) for name, values in rows.items()}
    return Candidates(proposed, whole, {"crop": parts}), GroundTruth.of(truth)


def one_by_one(preset: Preset, found: Candidates, halves: tuple[GroundTruth, GroundTruth], setting: Setting) -> list[IscMetrics]:  # fmt: skip
    """The baseline."""
    weighted = replace(preset, fusion=replace(preset.fusion, weights=dict(setting.weights)))
    pairs = rank_merged(weighted, calibration_of(weighted), found)[0]
    return [evaluate(pairs, truth) for truth in halves]


def compare(rule: str, given: argparse.Namespace) -> None:
    """Prints the tables of one rule."""
    preset = preset_of(rule)
    found, truth = made_candidates(given.queries, given.each)
    halves, candidates = truth_of_halves(truth), MergeCandidates.of(preset, found, truth)
    pairs = len(candidates.every)
    print(f"\nrule {rule}: {given.queries:,} queries, {pairs:,} pairs, {len(found.evidence):,} comparisons, 3 branches")
    merger = Merger(candidates, Split(), read_calibrations(preset, [None]))
    settings = varied(given.baseline)
    first = merger.evaluate(settings[0])  # compiles, prepares
    seconds: dict[str, float] = {"one by one": 0.0, "arrays": 0.0}
    for setting in settings:
        results: dict[str, object] = {}

        def old(setting: Setting = setting, results: dict[str, object] = results) -> None:
            results["one by one"] = one_by_one(preset, found, halves, setting)

        def new(setting: Setting = setting, results: dict[str, object] = results) -> None:
            outcome = merger.evaluate(setting)
            results["arrays"] = [outcome.selection, outcome.held_out]

        for name, value in alternate({"one by one": old, "arrays": new}, 1, time.process_time).items():
            seconds[name] += value / len(settings)
        assert results["one by one"] == results["arrays"], f"different figures with {setting.text}"
    show(f"a setting (processor time), rule {rule}, {first.selection.predictions + first.held_out.predictions:,} predictions", seconds, "one by one", pairs, "pairs")  # type: ignore[union-attr]  # fmt: skip
    need(
        "the same figures, at least 20x faster a setting, rule " + rule, seconds["one by one"] >= 20 * seconds["arrays"]
    )
    if not given.settings:
        return
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "candidates.npz"), Path(folder, "ground_truth.csv")
        candidates.write(files[0])
        truth.write_csv(files[1])
        size = files[0].stat().st_size / 1e6
        run = in_fresh_process(MANY_SETTINGS, rule, *map(str, files), str(given.settings))
    print(
        f"fresh process: {size:.0f} MB loaded in {run['load']:.2f} s ({run['load_cpu']:.2f} s of processor time); "
        f"{run['count']:.0f} settings in {run['settings']:.1f} s on all processors ({run['cpu']:.1f} s); peak {run['peak']:.0f} MB, of which "
        f"{run['imports']:.0f} MB are imports"
    )
    need("memory under 2 GB", run["peak"] < 2000)


def main() -> None:
    """Prints the tables of each rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=50_000)
    parser.add_argument("--each", type=int, default=20, help="candidates per query")
    parser.add_argument("--settings", type=int, default=1000, help="evaluated in a fresh process; 0: none")
    parser.add_argument("--baseline", type=int, default=20, help="settings that the baseline evaluates too")
    parser.add_argument("--rules", default="calibrated,sum")
    given = parser.parse_args()
    for rule in given.rules.split(","):
        compare(rule, given)


if __name__ == "__main__":
    main()
