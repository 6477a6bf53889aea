"""One evaluated and tracked ranking on a benchmark of matchable retrieval: figures, tables, MLflow."""

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
    """What was evaluated: the folder of the results, metrics by subset, figures as in figures.json, and the MLflow run."""

    out: Path
    metrics: Mapping[str, MatchableMetrics]
    figures: Mapping[str, Any]
    run_id: str


@dataclass(frozen=True)
class Making:
    """How a ranking of our own was made.

    `network`: the ranking before anything was verified. `pairs`: how many were verified. `seconds`: wall seconds per photograph by
    step; a step whose stored result was reused is missing. `search`: "exact", or "two-stage" where a search was approximate.
    """

    network: MatchPairs
    pairs: int
    seconds: Mapping[str, float]
    search: str


def judged_ranking(
    data: MatchableSet, answers: MatchPairs, where: str, out: Path, tracking: Tracking, making: Making | None = None
) -> JudgedRanking:
    """Judges and tracks a ranking, and writes `figures.json`, `queries.csv` and, of several scenes, `scenes.csv`.

    Args:
        data: The benchmark.
        answers: The ranking.
        where: Where it comes from.
        out: Folder of the results; earlier ones in it are replaced.
        tracking: The MLflow store and what it shows.
        making: How the ranking was made, reported beside its figures; None: an existing result.

    Raises:
        InputError: the answers name images beyond the benchmark's lists.
    """
    metrics = data.evaluate(answers, where)
    figures = _figures(data, metrics, where)
    if making is not None:
        network = _figures(data, data.evaluate(making.network, where), where)
        network = {
            key: value
            for key, value in network.items()
            if key not in ("benchmark", "data", "ranking", "queries", "caveats")
        }
        figures |= {"network": network, "search": making.search, "verified_pairs": making.pairs}
        figures["seconds_per_photograph"] = dict(making.seconds)
    store = open_store(tracking.folder)
    tags = {"data": data.root.name, "benchmark": data.name}
    name = title_of(data, where)
    with tracked_run(
        store, tracking.experiment, name, tracking.settings, tracking.config_yaml, tracking.tags(tags), tracking.parent
    ) as run:
        run.log_dataset(data.name, data.root, data.digest, len(data.queries), len(data.database))
        run.log_metrics(flat_figures(metrics))
        if making is not None:
            network_figures = {name: figures["network"][name] for name in flat_figures(metrics) if "/" not in name}
            run.log_metrics({f"network/{name}": value for name, value in network_figures.items()})
        for path in _write(out, data, metrics, figures):
            run.log_artifact(path)
        return JudgedRanking(out, metrics, figures, run.run_id)


def title_of(data: MatchableSet, where: str) -> str:
    """Name of the MLflow run outside a sweep."""
    return f"{data.name} {Path(where).name}"


def ranking_table(done: JudgedRanking) -> str:
    """The figures as text: one row per subset with intervals, then one per scene; those of the network alone below and beside."""
    network = done.figures.get("network", {})
    rows = [_row(name, value, done.figures) for name, value in flat_figures(done.metrics).items()]
    rows += [_row(name, network[name], network, "network/") for name in flat_figures(done.metrics) if network]
    rows.append(f"{'queries':<26} {done.figures['queries']:>7}")
    if network:
        rows.append(f"{'search':<26} {done.figures['search']:>7}")
        rows.append(f"{'verified pairs':<26} {done.figures['verified_pairs']:>7}")
        rows += [f"{'seconds per photograph, ' + step:<33} {value:.3f}" for step, value in done.figures["seconds_per_photograph"].items()]  # fmt: skip
    scenes = done.figures.get("scenes", {})
    names = [name for name in next(iter(scenes.values()), {}) if name != "queries"]
    columns = [(name, scenes) for name in names] + [(f"network/{name}", network["scenes"]) for name in names if network]
    if scenes:
        rows.append(f"{'scene':<26} {'queries':>7} " + " ".join(f"{title:>21}" for title, _ in columns))
    for scene, values in scenes.items():
        shown = (source[scene][title.removeprefix("network/")] for title, source in columns)
        rows.append(f"{scene:<26} {values['queries']:>7} " + " ".join(f"{value:>21.4f}" for value in shown))
    return "\n".join(rows)


def _row(name: str, value: float, figures: Mapping[str, Any], before: str = "") -> str:
    low, high = figures["intervals"][name].values()
    return f"{before + name:<26} {value:>7.4f}   95 % interval {low:.4f} to {high:.4f}"


def flat_figures(metrics: Mapping[str, MatchableMetrics]) -> dict[str, float]:
    """Figures under their names, those of a subset with its name and a slash before them."""
    return {_prefixed(subset, key): value for subset, item in metrics.items() for key, value in item.figures().items()}


def _prefixed(subset: str, name: str) -> str:
    return f"{subset}/{name}" if subset else name


def _figures(data: MatchableSet, metrics: Mapping[str, MatchableMetrics], where: str) -> dict[str, Any]:
    found: dict[str, Any] = {"benchmark": data.name, "data": data.root.name, "ranking": where, **flat_figures(metrics)}
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
