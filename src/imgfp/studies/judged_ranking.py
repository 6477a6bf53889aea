"""One judged and tracked ranking on a benchmark of matchable retrieval: figures, tables, MLflow."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imgfp.datasets.matchable_set import MatchableSet
from imgfp.files import write_csv, write_json
from imgfp.metrics import MatchableMetrics
from imgfp.records.match_pairs import MatchPairs
from imgfp.studies.judged_run import Tracking
from imgfp.tracking import open_store, tracked_run


@dataclass(frozen=True)
class JudgedRanking:
    """What was judged: the folder of the results, metrics by subset, figures as in figures.json, and the MLflow run."""

    out: Path
    metrics: Mapping[str, MatchableMetrics]
    figures: Mapping[str, Any]
    run_id: str


def judged_ranking(data: MatchableSet, answers: MatchPairs, where: str, out: Path, tracking: Tracking) -> JudgedRanking:
    """Judges and tracks a ranking, and writes `figures.json`, `queries.csv` and, of several scenes, `scenes.csv`.

    Args:
        data: The benchmark.
        answers: The ranking.
        where: Where it comes from.
        out: Folder of the results; earlier ones in it are replaced.
        tracking: The MLflow store and what it shows.

    Raises:
        InputError: the answers name images beyond the benchmark's lists.
    """
    metrics = data.evaluate(answers, where)
    figures = _figures(data, metrics, where)
    store = open_store(tracking.folder)
    tags = {"data": data.root.name, "benchmark": data.name}
    name = f"{data.name} {Path(where).name}"
    with tracked_run(
        store, tracking.experiment, name, tracking.settings, tracking.config_yaml, tags, tracking.parent
    ) as run:
        run.log_dataset(data.name, data.root, data.digest, len(data.queries), len(data.database))
        run.log_metrics(_flat(metrics))
        for path in _write(out, data, metrics, figures):
            run.log_artifact(path)
        return JudgedRanking(out, metrics, figures, run.run_id)


def ranking_table(done: JudgedRanking) -> str:
    """The figures as text: one row per subset with intervals, then one per scene."""
    rows = []
    intervals = done.figures["intervals"]
    for name, value in _flat(done.metrics).items():
        low, high = intervals[name].values()
        rows.append(f"{name:<20} {value:>7.4f}   95 % interval {low:.4f} to {high:.4f}")
    rows.append(f"{'queries':<20} {done.figures['queries']:>7}")
    scenes = done.figures.get("scenes", {})
    names = [name for name in next(iter(scenes.values()), {}) if name != "queries"]
    if scenes:
        rows.append(f"{'scene':<20} {'queries':>7} " + " ".join(f"{name:>13}" for name in names))
    for scene, values in scenes.items():
        rows.append(f"{scene:<20} {values['queries']:>7} " + " ".join(f"{values[name]:>13.4f}" for name in names))
    return "\n".join(rows)


def _flat(metrics: Mapping[str, MatchableMetrics]) -> dict[str, float]:
    """Figures under their names, those of a subset with its name and a slash before them."""
    return {_prefixed(subset, key): value for subset, item in metrics.items() for key, value in item.figures().items()}


def _prefixed(subset: str, name: str) -> str:
    return f"{subset}/{name}" if subset else name


def _figures(data: MatchableSet, metrics: Mapping[str, MatchableMetrics], where: str) -> dict[str, Any]:
    found: dict[str, Any] = {"benchmark": data.name, "data": data.root.name, "ranking": where, **_flat(metrics)}
    found["queries"] = int(max(item.counted.sum() for item in metrics.values()))
    found["intervals"] = {
        _prefixed(subset, name): asdict(interval)
        for subset, item in metrics.items()
        for name, interval in item.intervals().items()
    }
    found["caveats"] = list(data.caveats)
    if data.groups:
        (item,), groups = metrics.values(), np.array(data.groups)
        counted = {scene: item.counted & (groups == scene) for scene in sorted(set(data.groups))}
        found["scenes"] = {
            scene: {"queries": int(chosen.sum()), **item.figures(chosen)}
            for scene, chosen in counted.items()
            if chosen.any()
        }
    return found


def _write(
    out: Path, data: MatchableSet, metrics: Mapping[str, MatchableMetrics], figures: Mapping[str, Any]
) -> list[Path]:
    """The result files."""
    header, columns = ["query"], [list(data.queries)]
    for subset, item in metrics.items():
        header += [_prefixed(subset, name) for name in ("ap", item.protocol.recall_name)]
        columns += [["" if np.isnan(value) else repr(float(value)) for value in each] for each in (item.average_precision, item.recall)]  # fmt: skip
    write_csv(out / "queries.csv", header, zip(*columns, strict=True))
    paths = [out / "figures.json", out / "queries.csv"]
    if scenes := figures.get("scenes"):
        names = list(next(iter(scenes.values())))
        rows = [[scene, *(values[name] for name in names)] for scene, values in scenes.items()]
        write_csv(out / "scenes.csv", ["scene", *names], rows)
        paths.append(out / "scenes.csv")
    write_json(out / "figures.json", figures)  # last: complete where it exists
    return paths
