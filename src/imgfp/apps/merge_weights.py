"""What evaluate/merge.py does: the branches merged with other weights, over candidates that were found and compared once."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from omegaconf import DictConfig, OmegaConf

from imgfp.apps.config_node import number, whole_number
from imgfp.apps.hydra_app import command_key, preset_of
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

Weights = dict[str, float]


@dataclass(frozen=True)
class Searched:
    """A search on a judged set, and the truth of either half of its queries: to choose by, and held out.

    `name`: of the preset; `data`: of the set; `key`: a hash of all that the search depends on.
    """

    name: str
    data: str
    key: str
    preset: Preset
    result: SearchResult
    halves: tuple[GroundTruth, GroundTruth]

    def merged(self, weights: Mapping[str, float]) -> Pairs:
        """The ranking with these weights; InputError where the preset cannot have them."""
        preset = replace(self.preset, fusion=replace(self.preset.fusion, weights=dict(weights)))
        calibration, found = calibration_of(preset), self.result.candidates
        return rank_merged(preset, calibration, found)[0]

    def figures(self, weights: Mapping[str, float]) -> tuple[IscMetrics, IscMetrics]:
        """On the half to choose by, and on the one held out."""
        pairs = self.merged(weights)
        chosen, held_out = (evaluate(pairs, truth) for truth in self.halves)  # other queries' pairs do not count
        return chosen, held_out


def judge_weights(config: DictConfig) -> int:
    """Judges one setting (of a sweep: as a child of its parent), or those that Optuna proposes, and prints both halves."""
    if len(config.preset) != 1:
        raise InputError(f"preset={list(config.preset)}: merging is judged for one preset at a time: give one")
    ((name, node),) = config.preset.items()
    branches = parse_branches(config.branches)
    weights = {str(branch): number(config.fusion.weights, branch) for branch in config.fusion.weights}
    trials = whole_number(config.search, "trials")
    searched = _searched(config.data.root, config.paths.work, str(name), _Frozen(preset_of(node)), branches)
    store = open_store(Path(config.paths.mlruns))
    key = command_key()
    if trials:
        key = key or f"{name} {time.time_ns()}"
        settings: Iterator[tuple[Weights, object]] = _proposed(config, branches, trials)
    else:
        settings = iter([(weights, lambda uap: None)])
    title = f"weights of {name} on {searched.data}"  # settings of one search only are compared
    parent = parent_run(store, config.tracking.experiment, f"{key} {searched.key}", title) if key else None
    for weights, tell in settings:
        figures = _judge(config, store, searched, weights, parent)
        print(f"{said(weights)}: {_line(figures)}", flush=True)
        tell(figures[0].uap)  # type: ignore[operator]
    if parent is not None:
        with file_lock(store.lock_path):  # jobs that run at once tell it one after the other
            best, (uap, held_out) = tell_parent(Run(store, parent), branches)
        print(f"best so far by the first half: {said(best)}: uAP {uap:.4f}, on the half held out {held_out:.4f}")
    print(f"in MLflow: {ui_hint(Path(config.paths.mlruns))}, then {describe(store, config.tracking.experiment)}")
    return OK


def halves_of(truth: GroundTruth) -> tuple[GroundTruth, GroundTruth]:
    """The truth of two halves of the queries, which a hash of the id tells apart: the same whatever else is in the set."""
    first = np.array([int(hash_value(str(query))[:8], 16) % 2 == 0 for query in truth.queries], bool)
    return truth.of_queries(truth.queries[first].tolist()), truth.of_queries(truth.queries[~first].tolist())


def said(weights: Mapping[str, float]) -> str:
    """Weights as text."""
    return ", ".join(f"{branch} {weight:g}" for branch, weight in weights.items())


@dataclass(frozen=True)
class _Frozen:
    """A preset as a key: its weights are a dict, which has no hash."""

    preset: Preset

    def __hash__(self) -> int:
        return hash(repr(self.preset))


@cache  # the jobs of a sweep that run in one process open it once
def _searched(root: str, work: str, name: str, preset: _Frozen, branches: tuple[str, ...]) -> Searched:
    data = DiscSet.open(Path(root))
    result = judged_search(data, Path(work) / data.root.name, RunConfig(name, preset.preset, branches))
    key = result.out.name.rpartition("-")[2]
    return Searched(name, data.root.name, key, preset.preset, result, halves_of(data.truth))


def _judge(
    config: DictConfig, store: Store, searched: Searched, weights: Weights, parent: str | None
) -> tuple[IscMetrics, IscMetrics]:
    chosen, held_out = searched.figures(weights)
    settings = {**asdict(searched.preset), "fusion": {**asdict(searched.preset.fusion), "weights": weights}}
    params = {
        "data": Path(config.data.root).name,
        "preset": searched.name,
        "branches": list(parse_branches(config.branches)),
        **settings,
    }
    experiment, text = config.tracking.experiment, OmegaConf.to_yaml(config, resolve=True)
    with tracked_run(store, experiment, said(weights), params, text, {"preset": searched.name}, parent) as run:
        run.log_metrics({**chosen.figures(), **{f"held_out/{key}": value for key, value in held_out.figures().items()}})
    return chosen, held_out


def _proposed(config: DictConfig, branches: tuple[str, ...], trials: int) -> Iterator[tuple[Weights, object]]:
    """Weights that Optuna proposes, and where to tell it the uAP of each; the first is 1 for every branch."""
    import optuna

    low, high = number(config.search, "low"), number(config.search, "high")
    if not 0 < low < high:
        raise InputError(f"search.low={low}, search.high={high}: give a range above 0")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=whole_number(config.search, "seed"))
    )
    study.enqueue_trial(dict.fromkeys(branches[1:], 1.0))
    for _ in range(trials):
        trial = study.ask()
        # only their ratios count: the first branch's weight stays 1
        found = {branch: trial.suggest_float(branch, low, high, log=True) for branch in branches[1:]}
        yield dict.fromkeys(config.fusion.weights, 1.0) | found, lambda uap, trial=trial: study.tell(trial, uap)


def _line(figures: tuple[IscMetrics, IscMetrics]) -> str:
    return "; held out: ".join(
        f"uAP {item.uap:.4f}, R@P90 {item.recall_at_p90:.4f}, recall@1 {item.recall_at_1:.4f}" for item in figures
    )
