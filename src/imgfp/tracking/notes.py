"""Descriptions of runs and experiments, shown by MLflow above everything else (Markdown): figures first, then what to open."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from imgfp.files import hash_value
from imgfp.tracking.metric_names import headline, label
from imgfp.tracking.parent import PARENT_TAG
from imgfp.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

NOTE_TAG = "mlflow.note.content"
# MLflow's pages hide tags that begin so
OWN_TAG = "mlflow.imgfp.note"  # a hash of the last description that imgfp wrote: one that a user has edited is kept
SWEPT_TAG = "imgfp.swept"  # of the parent of a `-m` sweep, whose description the sweep itself writes
_FIGURES, _PICTURES = 4, 4
_IMAGES, _REPORT = "images", "report.html"
LONGEST_TAG = 5000  # MLflow's limit
_LINK = re.compile(r"#/experiments/\d+/runs/([0-9a-f]{32})")

EXPERIMENT_NOTE = """\
**uap**: micro average precision, ISC's score. **recall_at_1**: share of the copies whose original is ranked first.

* **recall_at_p90**: recall at the threshold of 90 % precision ("never reached" where no threshold has it).
* **local/**, **global/**, **crop/**, **merged/**: the same figures by branch; **held_out/**: on queries that no setting was chosen by;
  **normalised/**: after score normalisation.
* **map**: mean average precision of matchable retrieval (**easy/**, **medium/**, **hard/**: by difficulty); **map50**: of the detector's boxes.

A row is a run; a sweep's runs are listed under it. The chart button beside the search field compares them; see docs/tracking.md.
"""


def write_note(store: Store, run_id: str) -> None:
    """Writes the description of a run, and updates that of the run that it belongs to.

    One that a user has edited is kept, and a sweep's own (`set_note`) is left to it.
    """
    run = store.client().get_run(run_id)
    if SWEPT_TAG not in run.data.tags:
        _set(store, run, _note_of(store, run))
    parent = run.data.tags.get(PARENT_TAG)
    if parent and store.has_run(parent):
        write_note(store, parent)


def set_note(store: Store, run_id: str, text: str) -> None:
    """Sets the description of a run, at most `LONGEST_TAG` characters, unless a user has edited it."""
    _set(store, store.client().get_run(run_id), text)


def run_link(experiment_id: str, run_id: str) -> str:
    """The address of a run's page within MLflow's pages, for descriptions."""
    return f"#/experiments/{experiment_id}/runs/{run_id}"


def moved_note(tags: Mapping[str, str], places: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """The description among a run's tags with links to the runs in another store; nothing where there is none.

    Args:
        tags: Of a run.
        places: By a run's id in the one store: ids of the experiment and the run in the other.
    """
    note = tags.get(NOTE_TAG, "")
    text = _LINK.sub(lambda link: run_link(*places[link[1]]) if link[1] in places else link[0], note)
    if text == note:
        return {}
    return {NOTE_TAG: text} | ({OWN_TAG: hash_value(text)} if tags.get(OWN_TAG) == hash_value(note) else {})


def figures_text(metrics: Mapping[str, float]) -> str:
    """The most important figures: "uAP 0.5321 · recall@1 0.6100"."""
    return " · ".join(f"{label(name)} {metrics[name]:.4f}" for name in headline(metrics)[:_FIGURES])


def _note_of(store: Store, run: MlflowRun) -> str:
    run_id, tags, experiment_id = run.info.run_id, run.data.tags, run.info.experiment_id
    own = run_link(experiment_id, run_id)
    figures, best = figures_text(run.data.metrics), _best_child(store, run)
    parts = [f"**{figures}**" if figures else ""]
    if best is not None:  # a sweep's own figures are those of its best run
        said = figures_text(best.data.metrics) or "no figures"
        parts = [f"**Best of its runs: [{best.info.run_name}]({run_link(experiment_id, best.info.run_id)}): {said}**"]
    following = [f"[{what}]({own}/artifacts/{path})" for what, path in _worth_opening(store, run_id)]
    if PARENT_TAG in tags:
        following.append(f"[the sweep]({run_link(experiment_id, tags[PARENT_TAG])}) that this run belongs to")
    parts.append("Look next at " + ", ".join(following) + "." if following else "")
    return "\n\n".join(filter(None, [*parts, _made_from(run)]))


def _worth_opening(store: Store, run_id: str) -> list[tuple[str, str]]:
    """What it is and its path: the report, and each picture that is directly in `images`."""
    client = store.client()
    found = {item.path for item in client.list_artifacts(run_id)}
    shown = [("the report", _REPORT)] if _REPORT in found else []
    pictures = [item.path for item in client.list_artifacts(run_id, _IMAGES)] if _IMAGES in found else []
    named = [(PurePosixPath(path).stem.replace("_", " "), path) for path in sorted(pictures) if path.endswith(".png")]
    return shown + named[:_PICTURES]


def _best_child(store: Store, run: MlflowRun) -> MlflowRun | None:
    client, wanted = store.client(), f"tags.`{PARENT_TAG}` = '{run.info.run_id}'"
    some = client.search_runs([run.info.experiment_id], wanted, max_results=1)
    if not some:
        return None
    names = headline(some[0].data.metrics)
    order = [f"metrics.`{names[0]}` DESC"] if names else None
    return client.search_runs([run.info.experiment_id], wanted, order_by=order, max_results=1)[0]


def _made_from(run: MlflowRun) -> str:
    facts = [f"{key} `{value}`" for key, value in sorted(run.data.tags.items()) if _is_fact(key, value)]
    data = []
    for item in run.inputs.dataset_inputs if run.inputs else []:
        counts = json.loads(item.dataset.profile or "{}")
        numbers = [f"{counts[f'num_{what}']:,} {what}" for what in ("queries", "references") if f"num_{what}" in counts]
        use = next((tag.value for tag in item.tags if tag.key == "mlflow.data.context"), "")
        data.append(f"**{item.dataset.name}** ({', '.join(filter(None, [use, *numbers]))})")
    parts = [f"Data: {', '.join(data)}." if data else "", f"Made with {', '.join(facts)}." if facts else ""]
    return " ".join(filter(None, parts))


def _is_fact(key: str, value: str) -> bool:
    return not key.startswith(("mlflow.", "imgfp.")) and len(value) <= 80


def _set(store: Store, run: MlflowRun, text: str) -> None:
    known = run.data.tags.get(NOTE_TAG)
    if known == text or (known and run.data.tags.get(OWN_TAG) != hash_value(known)):
        return
    from mlflow.entities import RunTag

    store.client().log_batch(run.info.run_id, tags=[RunTag(NOTE_TAG, text), RunTag(OWN_TAG, hash_value(text))])
