"""What evaluate/mirror.py does: matchable retrieval judged on one benchmark, and tracked."""

import sys
from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from imgfp.apps.benchmark import benchmark_of
from imgfp.apps.schemas import MirrorApp, settings_of
from imgfp.apps.sweep_job import fingerprint_of, hand_over, sweep_parent, take_over
from imgfp.datasets.matchable_set import MatchableSet
from imgfp.errors import OK
from imgfp.records.match_pairs import MatchPairs
from imgfp.reports.console import ui_hint
from imgfp.studies.judged_ranking import Making, flat_figures, judged_ranking, ranking_table, title_of
from imgfp.studies.judged_run import Tracking
from imgfp.tracking import describe, open_store

_NOT_PARAMS = ("app", "plugins", "paths", "tracking", "resume", "fail_fast")
CAVEAT_WHITENING = (
    "the whitening was fitted on the evaluated database, which favours it: compare with whitening.fit_on=FILE"
)
CAVEAT_SEARCH = "the two-stage search is approximate: compare with similarity.search=exact"


def judge(config: DictConfig) -> int:
    """Judges an existing result or makes one, and prints the figures with the protocol's caveats."""
    app = settings_of(config, MirrorApp)
    data = benchmark_of(app)
    mlruns, experiment, work = app.paths.mlruns, app.tracking.experiment, Path(app.paths.work)
    store, parent = open_store(mlruns), sweep_parent()
    resolved: dict[str, object] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    settings = {name: value for name, value in resolved.items() if name not in _NOT_PARAMS}
    fingerprint, where = fingerprint_of(settings, data.digest), app.match_pairs or "own ranking"
    if app.resume and take_over(store, experiment, fingerprint, parent, title_of(data, where)) is not None:
        return OK
    if parent is not None:  # the jobs of a sweep may run at the same time
        work /= f"{data.name}-{fingerprint[:8]}"
    if app.match_pairs is not None:
        making = None
        answers = MatchPairs.read(Path(where), repeats=True)
    else:
        from imgfp.apps.mirror_ranking import ranking_of  # loads torch, which judging an existing result does not need

        made = ranking_of(app, data)
        search = "two-stage" if made.two_stages else "exact"
        answers, making = made.answers, Making(made.network, made.pairs, made.seconds, search)
        caveats = ((made.fitted, CAVEAT_WHITENING), (made.two_stages, CAVEAT_SEARCH))
        data = replace(data, caveats=(*data.caveats, *(caveat for holds, caveat in caveats if holds)))
        answers.write(work / "match_pairs")
    tracking = Tracking(mlruns, experiment, settings, OmegaConf.to_yaml(config, resolve=True), parent, fingerprint)
    done = judged_ranking(data, answers, where, work, tracking, making)
    hand_over(parent, done.run_id, flat_figures(done.metrics))
    _warn(data, answers, where)
    print(ranking_table(done))
    print("\n".join(f"note: {caveat}" for caveat in data.caveats))
    print(f"figures: {done.out / 'figures.json'}")
    print(f"in MLflow: {ui_hint(store.name)}, then {describe(store, experiment)}")
    return OK


def _warn(data: MatchableSet, answers: MatchPairs, where: str) -> None:
    """What lowers or raises the figures without an error, as in the original benchmarks."""
    empty = len(data.queries) - len(set(answers.queries.tolist()))
    if empty:
        print(f"{where}: {empty} of {len(data.queries)} queries have no answer: theirs count as AP 0", file=sys.stderr)
    if answers.repeated:
        print(
            f"{where}: {answers.repeated} answers repeat an earlier one of the same query and count again, "
            "so AP may exceed 1: keep the first of each",
            file=sys.stderr,
        )
