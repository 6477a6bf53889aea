"""One evaluated and tracked run on a DISC-shaped folder: search, official figures, report, MLflow."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from imgfp.datasets.disc_set import DiscSet
from imgfp.detection import open_finder
from imgfp.files import hash_value
from imgfp.images import ImageList, hash_images
from imgfp.local.index.index_config import IndexConfig
from imgfp.metrics import IscMetrics, evaluate
from imgfp.pipeline.index.index import build_index, open_index
from imgfp.pipeline.preset import BRANCHES
from imgfp.pipeline.presets import PRESETS
from imgfp.pipeline.run_config import RunConfig
from imgfp.pipeline.search import SearchResult, search
from imgfp.reports import write_images, write_report
from imgfp.reports.search_report import search_report
from imgfp.tracking import FINGERPRINT_TAG, Parent, open_store, tracked_run


@dataclass(frozen=True)
class Tracking:
    """Where a run is tracked.

    `folder`: the store, a folder or a server's address, see `open_store`. `settings`: what MLflow shows as params. `parent`:
    of the sweep that it belongs to. `fingerprint`: a hash of all that the result depends on.
    """

    folder: str | Path
    experiment: str
    settings: Mapping[str, object]
    config_yaml: str | None = None
    parent: Parent | None = None
    fingerprint: str | None = None

    def tags(self, own: Mapping[str, str]) -> dict[str, str]:
        """A run's own tags, and the fingerprint."""
        return {**own} if self.fingerprint is None else {**own, FINGERPRINT_TAG: self.fingerprint}


@dataclass(frozen=True)
class JudgedResult:
    """Result of an evaluated run: metrics by branch ("merged", "local", "global"), the search and its MLflow run."""

    figures: dict[str, IscMetrics]
    search: SearchResult
    run_id: str


def judged_run(
    data: DiscSet,
    work: Path,
    run_config: RunConfig,
    background: ImageList | None,
    tracking: Tracking,
    notes: tuple[str, ...] = (),
) -> JudgedResult:
    """Searches, evaluates, draws and tracks. Finished work in `work` is reused, whatever the preset."""
    preset, branches = run_config.preset, run_config.branches
    if background is not None:
        run_config.check_background()
    notes = (*notes, *filter(None, [run_config.note]))
    tags = {"preset": run_config.name, "data": data.root.name, "branches": ",".join(branches)}
    if "crop" in branches:
        tags["crops"] = open_finder(preset.crop.finder, preset.crop.weights).fingerprint
    name, store = run_name(run_config), open_store(tracking.folder)
    with tracked_run(
        store, tracking.experiment, name, tracking.settings, tracking.config_yaml, tracking.tags(tags), tracking.parent
    ) as run:
        run.log_dataset(data.root.name, data.root, data.digest, len(data.queries), len(data.references))
        result = judged_search(data, work, run_config, background)
        out = result.out
        rankings = {"merged": result.predictions, **result.branches}
        figures = {name: evaluate(pairs, data.truth) for name, pairs in rankings.items()}
        title = f"Copy detection on {data.root.name}: preset {run_config.name}"
        report = search_report(result, title, tags, notes, data.truth)
        write_report(report, out / "report.html")
        write_images(report, out / "images")
        run.log_metrics(_metrics(figures, result))
        for path in (out / "predictions.csv", out / "matches.csv", out / "report.html"):
            if path.is_file():  # matches.csv: only of a calibrated ranking
                run.log_artifact(path)
        run.log_images(out / "images")
        return JudgedResult(figures, result, run.run_id)


def run_name(run_config: RunConfig) -> str:
    """Name of the MLflow run outside a sweep."""
    return f"{run_config.name} {'+'.join(run_config.branches)}"


def judged_search(data: DiscSet, work: Path, run: RunConfig, background: ImageList | None = None) -> SearchResult:
    """The search of an evaluated run; finished work in `work` is reused.

    The index is `work/index-HASH`, the queries' features and descriptors are in `work/queries-HASH`, each named by what its
    content depends on, so that presets share them (a compressed index is built in there by the first search that asks for
    it); the result is in `work/PRESET-HASH`, named by all settings.
    """
    folders = SearchFolders.of(data, work, run, background)
    built = build_index(data.references, folders.index, folders.indexed)
    return search(open_index(folders.index), data.queries, folders.out, run, background, built, folders.extracted)


@dataclass(frozen=True)
class SearchFolders:
    """Where an evaluated search keeps its index, its queries' features and its result; `indexed`: what the index holds."""

    index: Path
    extracted: Path
    out: Path
    indexed: RunConfig

    @classmethod
    def of(cls, data: DiscSet, work: Path, run: RunConfig, background: ImageList | None = None) -> "SearchFolders":
        """See `judged_search`."""
        preset = run.preset
        both = run.needs_features and "global" in run.branches
        extraction = replace(PRESETS["default"].with_extraction(preset.extraction), index=IndexConfig("exact"))
        indexed = RunConfig("default", extraction, tuple(BRANCHES) if both else run.branches)
        made_from = [data.root.resolve().as_posix(), data.digest, asdict(preset.extraction), indexed.indexed]
        known = None if background is None else hash_images(background)
        finder = open_finder(preset.crop.finder, preset.crop.weights).fingerprint if "crop" in run.branches else None
        out = work / f"{run.name}-{_short([made_from, known, repr(preset), run.branches, finder])}"
        return cls(work / f"index-{_short(made_from)}", work / f"queries-{_short(made_from)}", out, indexed)


def _short(value: object) -> str:
    return hash_value(value)[:8]


def _metrics(figures: dict[str, IscMetrics], result: SearchResult) -> dict[str, float | None]:
    """The merged figures under their plain names too; speeds of what was done now."""
    metrics: dict[str, float | None] = dict(figures["merged"].figures())
    for branch, item in figures.items():
        metrics |= {f"{branch}/{name}": value for name, value in item.figures().items()}
    for stage in result.stages:
        if stage.rate and stage.name == "query features":
            metrics["images_per_second"] = stage.rate
        if stage.rate and stage.name == "match scores":
            metrics["pairs_per_second"] = stage.rate
    return metrics


def figures_table(figures: Mapping[str, IscMetrics], heading: str = "", width: int = 10) -> str:
    """The figures as text, one row per key; `heading` is above the keys, in a column of `width` characters."""
    rows = [f"{heading:<{width}} {'uAP':>8} {'R@P90':>8} {'recall@1':>9} {'recall@10':>10}"]
    for name, item in figures.items():
        rows.append(
            f"{name:<{width}} {item.uap:>8.4f} {item.recall_at_p90:>8.4f} {item.recall_at_1:>9.4f} {item.recall_at_10:>10.4f}"
        )
    return "\n".join(rows)
