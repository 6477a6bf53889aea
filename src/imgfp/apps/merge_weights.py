"""What evaluate/merge.py does: merges the branches with other weights; candidates are searched and matched only once."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from omegaconf import DictConfig, OmegaConf

from imgfp.apps.hydra_app import command_key
from imgfp.apps.schemas import MergeApp, MergeSearchSection, settings_of
from imgfp.datasets.disc_set import DiscSet
from imgfp.errors import OK, InputError
from imgfp.files import file_lock, hash_value
from imgfp.metrics import IscMetrics, evaluate
from imgfp.pipeline.preset import Preset
from imgfp.pipeline.rank import calibration_of, rank_merged
from imgfp.pipeline.run_config import RunConfig, parse_branches
from imgfp.pipeline.search import SearchResult
from imgfp.records import GroundTruth, Pairs
from imgfp.reports.console import ui_hint
from imgfp.studies.judged_run import judged_search
from imgfp.studies.weight_heatmap import tell_parent
from imgfp.tracking import Run, Store, describe, open_store, parent_run, tracked_run

if TYPE_CHECKING:  # Optuna takes half a second to import
    from imgfp.studies.tuning import Search

Weights = dict[str, float]


@dataclass(frozen=True)
class Searched:
    """The candidates of a set, and the ground truth of both halves of its queries: to choose by, and held out.

    `name`: of the preset; `data`: of the set; `key`: a hash of all that the candidates depend on.
    """

    name: str
    data: str
    key: str
    preset: Preset
    result: SearchResult
    halves: tuple[GroundTruth, GroundTruth]

    def merged(self, weights: Mapping[str, float]) -> Pairs:
        """The ranking with these weights; InputError where the preset refuses them."""
        preset = replace(self.preset, fusion=replace(self.preset.fusion, weights=dict(weights)))
        calibration, found = calibration_of(preset), self.result.candidates
        return rank_merged(preset, calibration, found)[0]

    def figures(self, weights: Mapping[str, float]) -> tuple[IscMetrics, IscMetrics]:
        """On the half to choose by, and on the one held out."""
        pairs = self.merged(weights)
        chosen, held_out = (evaluate(pairs, truth) for truth in self.halves)  # ignores the pairs of other queries
        return chosen, held_out


def judge_weights(config: DictConfig) -> int:
    """Evaluates one setting (in a sweep as a child of its parent run), or those that Optuna proposes, on both halves."""
    app = settings_of(config, MergeApp)
    if len(app.preset) != 1:
        raise InputError(f"preset={list(app.preset)}: weights are evaluated for one preset at a time: give one")
    ((name, preset),) = app.preset.items()
    branches, weights = parse_branches(app.branches), app.fusion.weights
    search = _search(app.search, branches) if app.search.trials else None
    searched = _searched(app.data.root, app.paths.work, name, _Frozen(preset), branches)
    store, experiment = open_store(app.paths.mlruns), app.tracking.experiment
    key = command_key() or (f"{name} {time.time_ns()}" if search else None)
    title = f"weights of {name} on {searched.data}"  # only settings on the same candidates are compared
    parent = parent_run(store, experiment, f"{key} {searched.key}", title) if key else None
    if search is None:
        _evaluate(config, store, searched, weights, parent)
    else:
        for trial in search.proposals(app.search.trials):
            proposed = {branch: float(weight) for branch, weight in trial.values.items()}
            search.tell(trial, _evaluate(config, store, searched, dict.fromkeys(weights, 1.0) | proposed, parent))
    if parent is not None:
        with file_lock(store.lock_path):  # concurrent jobs update it one after the other
            best, (uap, held_out) = tell_parent(Run(store, parent), branches)
        print(
            f"best so far by the first half: {weights_text(best)}: uAP {uap:.4f}, on the held-out half {held_out:.4f}"
        )
    print(f"in MLflow: {ui_hint(store.name)}, then {describe(store, experiment)}")
    return OK


def halves_of(truth: GroundTruth) -> tuple[GroundTruth, GroundTruth]:
    """The ground truth of two halves of the queries, split by a hash of the id, whatever else is in the set."""
    first = np.array([int(hash_value(str(query))[:8], 16) % 2 == 0 for query in truth.queries], bool)
    return truth.of_queries(truth.queries[first].tolist()), truth.of_queries(truth.queries[~first].tolist())


def weights_text(weights: Mapping[str, float]) -> str:
    """Weights as text."""
    return ", ".join(f"{branch} {weight:g}" for branch, weight in weights.items())


@dataclass(frozen=True)
class _Frozen:
    """A hashable preset: its weights are a dict."""

    preset: Preset

    def __hash__(self) -> int:
        return hash(repr(self.preset))


@cache  # once for all jobs of a sweep that run in one process
def _searched(root: str, work: str, name: str, preset: _Frozen, branches: tuple[str, ...]) -> Searched:
    data = DiscSet.open(Path(root))
    result = judged_search(data, Path(work) / data.root.name, RunConfig(name, preset.preset, branches))
    key = result.out.name.rpartition("-")[2]
    return Searched(name, data.root.name, key, preset.preset, result, halves_of(data.truth))


def _evaluate(config: DictConfig, store: Store, searched: Searched, weights: Weights, parent: str | None) -> float:
    """Records and prints one setting; its uAP on the half to choose by."""
    chosen, held_out = searched.figures(weights)
    settings = {**asdict(searched.preset), "fusion": {**asdict(searched.preset.fusion), "weights": weights}}
    params = {
        "data": Path(config.data.root).name,
        "preset": searched.name,
        "branches": list(parse_branches(config.branches)),
        **settings,
    }
    experiment, text = config.tracking.experiment, OmegaConf.to_yaml(config, resolve=True)
    with tracked_run(store, experiment, weights_text(weights), params, text, {"preset": searched.name}, parent) as run:
        run.log_metrics({**chosen.figures(), **{f"held_out/{key}": value for key, value in held_out.figures().items()}})
    print(f"{weights_text(weights)}: {_line(chosen)}; held out: {_line(held_out)}", flush=True)
    return chosen.uap


def _search(config: MergeSearchSection, branches: tuple[str, ...]) -> "Search":
    """Proposes weights; the first proposal is 1 for every branch."""
    from optuna.distributions import FloatDistribution

    from imgfp.studies.tuning import Search

    # only ratios of weights count: the first branch's stays 1
    space = {branch: FloatDistribution(config.low, config.high, log=True) for branch in branches[1:]}
    return Search(space, config.seed, first=dict.fromkeys(space, 1.0))


def _line(figures: IscMetrics) -> str:
    return f"uAP {figures.uap:.4f}, R@P90 {figures.recall_at_p90:.4f}, recall@1 {figures.recall_at_1:.4f}"
