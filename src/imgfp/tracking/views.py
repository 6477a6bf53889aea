"""Which columns and charts MLflow's runs page shows for an experiment: uAP and recall@1 first, then what was swept."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from imgfp.files import hash_value
from imgfp.tracking.metric_names import headline
from imgfp.tracking.notes import EXPERIMENT_NOTE, NOTE_TAG
from imgfp.tracking.outage import not_found
from imgfp.tracking.parent import PARENT_TAG
from imgfp.tracking.store import Store
from imgfp.tracking.view_state import RUN_NAME, TAG_PREFIX, View, column, name_width, width_of

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

VIEW_KEY = "imgfp"
_LOOKED_AT = 100  # the latest runs, which the columns are chosen by
_MANY = 20  # children of one sweep that are better read as one list, best first
_METRICS, _SWEPT = 4, 5  # columns
_COMPARISONS = 20  # views of chosen runs that an experiment keeps, each a tag
_COLOUR_TAG = "mlflow.runColor"  # MLflow's own choice often gives two runs one colour
_COLOURS = (
    *("#2272b4", "#de7921", "#308613", "#c83243", "#8a63bf", "#04867d", "#b45091", "#facb66", "#445461", "#8acaff"),
    *("#93320b", "#8ddda8", "#434a93", "#f792a6", "#137dae", "#115026", "#9e102c", "#f2be88", "#8396a5", "#a6630c"),
)
# what a run was made from, where it says so as a tag or a param
_FACTS = ("data", "benchmark", "experiment", "preset", "change", "branches", "normalisation.name", "normalisation")
_CURVES = ("validation/uap", "validation/recall_at_1", "map50", "loss", "learning_rate")


def write_view(store: Store, experiment_id: str, only: Sequence[str] = ()) -> str:
    """Stores the view of an experiment's runs, and the experiment's description; returns the key that opens the view.

    Concurrent calls write the same; a view that is there already is not written again.

    Args:
        store: The store.
        experiment_id: The experiment.
        only: Ids of the runs to show, best first; empty: all. Their view has a key of its own; of such views the experiment
            keeps the latest 20.
    """
    client = store.client()
    known = client.get_experiment(experiment_id).tags
    key = _comparison_key(only, known) if only else VIEW_KEY
    if only:
        runs = [client.get_run(run_id) for run_id in only]
    else:
        runs = list(client.search_runs([experiment_id], max_results=_LOOKED_AT))
    tags = {TAG_PREFIX + key: view_of(runs, tuple(only)).encode()}
    if NOTE_TAG not in known:
        tags[NOTE_TAG] = EXPERIMENT_NOTE
    for name, value in tags.items():
        if known.get(name) != value:
            client.set_experiment_tag(experiment_id, name, value)
    for old in sorted(filter(is_comparison, known.keys() - tags.keys()))[: -_COMPARISONS + 1] if only else ():
        _delete_tag(store, experiment_id, old)
    _colour(store, runs)
    return key


def has_view(store: Store, experiment_id: str) -> bool:
    """Whether the experiment has a view."""
    return TAG_PREFIX + VIEW_KEY in store.client().get_experiment(experiment_id).tags


def is_comparison(tag: str) -> bool:
    """Whether a tag of an experiment is the view of chosen runs, by their ids."""
    return tag.startswith(f"{TAG_PREFIX}{VIEW_KEY}-")


def _comparison_key(only: Sequence[str], known: Mapping[str, str]) -> str:
    """The key of the view of these runs. The time at which the first one was written sorts them by age."""
    end = f"-{hash_value(sorted(only))[:8]}"
    there = (tag.removeprefix(TAG_PREFIX) for tag in sorted(known) if is_comparison(tag) and tag.endswith(end))
    return next(there, f"{VIEW_KEY}-{time.time_ns() // 1_000_000:012x}{end}")


def _delete_tag(store: Store, experiment_id: str, tag: str) -> None:
    """Where another process has just deleted it, or the server is too old to delete tags, nothing happens."""
    from mlflow.exceptions import MlflowException

    try:
        store.client().delete_experiment_tag(experiment_id, tag)
    except MlflowException as error:
        if not not_found(error) and error.error_code != "ENDPOINT_NOT_FOUND":
            raise


def view_of(runs: Sequence[MlflowRun], only: tuple[str, ...] = ()) -> View:
    """The view for these runs: the columns that some of them have a value for."""
    families = _families(runs)
    parents = {run.data.tags.get(PARENT_TAG) for run in runs} - {None}
    shown = [run for run in runs if run.info.run_id not in parents]
    names = headline({name for run in runs for name in run.data.metrics})[:_METRICS]
    steps = {name for run in shown for name in _CURVES if name in run.data.metrics and "loss" in run.data.metrics}
    facts = [name for name in _FACTS if any(_fact(run, name) is not None for run in shown)]
    names = names or ["uap", "recall_at_1", "recall_at_p90"]
    swept = _swept(families)[:_SWEPT]
    widths = {column("metrics", name): width_of(name) for name in names}
    widths[RUN_NAME] = name_width(*(str(run.info.run_name) for run in runs))
    for name in (*facts, *swept):
        values = [value for run in shown if (value := _fact(run, name))]
        place = _fact_column(shown, name) if name in facts else column("params", name)
        widths[place] = width_of(name, *values)
    return View(
        metrics=tuple(names),
        facts=tuple(_fact_column(shown, name) for name in facts),
        swept=tuple(swept),
        curves=tuple(name for name in _CURVES if name in steps),
        best_first=bool(only) or not parents or max(map(len, families)) > _MANY,
        only=only,
        widths=widths,
    )


def _colour(store: Store, runs: Sequence[MlflowRun]) -> None:
    """Gives the runs of each sweep colours of their own, up to their number; a colour that a user chose stays."""
    for family in _families(runs):
        taken = {run.data.tags.get(_COLOUR_TAG) for run in family}
        bare = [run for run in reversed(family) if _COLOUR_TAG not in run.data.tags]
        free = [colour for colour in _COLOURS if colour not in taken]
        for run, colour in zip(bare, free, strict=False):
            store.client().set_tag(run.info.run_id, _COLOUR_TAG, colour)


def _families(runs: Sequence[MlflowRun]) -> list[list[MlflowRun]]:
    """Runs of the same sweep; all runs as one family where none belongs to a sweep."""
    families: dict[str, list[MlflowRun]] = {}
    for run in runs:
        if parent := run.data.tags.get(PARENT_TAG):
            families.setdefault(parent, []).append(run)
    return list(families.values()) or [list(runs)]


def _swept(families: Sequence[Sequence[MlflowRun]]) -> list[str]:
    """Params that differ within a family, those in the runs' names first.

    A preset sets dozens of params: those that change only together with one of the facts, or with another column, say nothing
    more than that does. Paths are too long to be read in a table.
    """
    order: dict[str, tuple[bool, bool, str]] = {}
    for family in families:
        said = {_split([_fact(run, name) for run in family]) for name in _FACTS}
        shared = set.intersection(*(set(run.data.params) for run in family)) if family else set()
        found = []
        for key in shared - set(_FACTS):
            values = [run.data.params[key] for run in family]
            named = any(_is_named(key, str(run.info.run_name)) for run in family)
            if len(set(values)) > 1 and (named or not any("/" in value for value in values)):
                found.append((not named, not all(map(_is_number, values)), key))
        for unnamed, text, key in sorted(found):
            split = _split([run.data.params[key] for run in family])
            if not unnamed or split not in said:
                order[key] = (unnamed, text, key)
            said.add(split)
    return sorted(order, key=lambda key: order[key])


def _is_named(key: str, run_name: str) -> bool:
    """Whether a run's name has this key, not only one that ends with it: "loss.margin=0.5 seed=1"."""
    return f" {key}=" in f" {run_name}"


def _split(values: Sequence[str | None]) -> tuple[int, ...]:
    """Which of the values are equal: for each the position of the first equal one."""
    return tuple(values.index(value) for value in values)


def _fact(run: MlflowRun, name: str) -> str | None:
    tags: Mapping[str, str] = run.data.tags
    return tags.get(name) or run.data.params.get(name)


def _fact_column(runs: Sequence[MlflowRun], name: str) -> str:
    return column("tags" if any(name in run.data.tags for run in runs) else "params", name)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
