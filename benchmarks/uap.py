"""uAP of 500,000 predictions: imgfp against the plain-Python definition that its tests use as oracle; peak memory."""

import importlib.util
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # also as `python benchmarks/NAME.py`

from benchmarks._side_by_side import ROOT, alternate, in_fresh_process, need, show
from imgfp.metrics import evaluate, label_pairs
from imgfp.metrics.isc import average_precision, precision_recall
from imgfp.records import GroundTruth, Pairs

PREDICTIONS, QUERIES, REFERENCES = 500_000, 50_000, 1_000_000

WHOLE_COMMAND = """
from pathlib import Path
from imgfp.metrics import evaluate
from imgfp.records import GroundTruth, Pairs
before = peak()
evaluate(Pairs.read_csv(Path(sys.argv[1])), GroundTruth.read_csv(Path(sys.argv[2])))
print(json.dumps({"imports": before, "peak": peak()}))
"""


def made_result() -> tuple[list[tuple[str, str, float]], list[tuple[str, str]]]:
    """Ten predictions a query in random order, a true pair among them for 40 % of the queries; scores with ties."""
    rng = np.random.default_rng(0)
    truth = [(f"Q{n:05d}", f"R{n * 17 % REFERENCES:06d}" if n % 2 else "") for n in range(QUERIES)]
    rows = {}
    for query, reference in truth:
        for other in rng.integers(0, REFERENCES, PREDICTIONS // QUERIES - 1).tolist():
            rows[query, f"R{other:06d}"] = round(float(rng.normal()), 4)
        found = reference if reference and rng.random() < 0.8 else f"X{query}"
        rows[query, found] = round(float(rng.normal(2 if reference else 0)), 4)
    for number in range(PREDICTIONS - len(rows)):  # in place of the few pairs that were drawn twice
        rows[f"Q{number:05d}", "another"] = 0.0
    listed = [(query, reference, score) for (query, reference), score in rows.items()]
    return [listed[place] for place in rng.permutation(len(listed))], truth


def load_oracle() -> ModuleType:
    """tests/metrics/oracle.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("oracle", ROOT / "tests" / "metrics" / "oracle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Prints the tables."""
    oracle = load_oracle()
    rows, truth_rows = made_result()
    pairs, truth = Pairs.of(rows), GroundTruth.of(truth_rows)

    def our_uap() -> float:
        judged = label_pairs(pairs, truth)
        return average_precision(precision_recall(judged), judged.total)

    assert abs(our_uap() - oracle.uap(rows, truth_rows)) < 1e-12
    seconds = alternate({"oracle, plain Python": lambda: oracle.uap(rows, truth_rows), "imgfp": our_uap}, rounds=5)
    show("uAP alone", seconds, "oracle, plain Python", len(rows), "predictions")
    need("uAP at least 20x faster than the oracle", seconds["oracle, plain Python"] >= 20 * seconds["imgfp"])
    whole = {"oracle, plain Python": lambda: oracle.evaluate(rows, truth_rows), "imgfp": lambda: evaluate(pairs, truth)}
    show("all figures", alternate(whole, rounds=3), "oracle, plain Python", len(rows), "predictions")
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "predictions.csv"), Path(folder, "ground_truth.csv")
        pairs.write_csv(files[0])
        truth.write_csv(files[1])
        reading = {"read the CSV": lambda: Pairs.read_csv(files[0]), "evaluate": lambda: evaluate(pairs, truth)}
        show("reading beside evaluating", alternate(reading, rounds=5), "evaluate", len(rows), "predictions")
        memory = in_fresh_process(WHOLE_COMMAND, *map(str, files))
    print(
        f"\nfresh process, read and evaluate: peak {memory['peak']:.0f} MB, of which {memory['imports']:.0f} MB are imports"
    )
    need("under 1 GB", memory["peak"] < 1000)


if __name__ == "__main__":
    main()
