"""What an import knows while it runs: the study, the store, and which run or model of the one is which of the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from imgfp.plural import counted
from imgfp.tracking.store import Store
from imgfp.tracking.study_records import ModelRecord, RunRecord, Tables
from imgfp.tracking.study_registry import IMPORTED_TAG, pages
from imgfp.tracking.views import is_comparison

if TYPE_CHECKING:
    from mlflow import MlflowClient

BEGUN_TAG = "imgfp.import_begun"
_Item = TypeVar("_Item")


@dataclass
class Imported:
    """What an import has done. `present`: runs that were there already; `skipped`: figures of models by runs that are not in the study."""

    runs: int = 0
    models: int = 0
    metrics: int = 0
    files: int = 0
    present: int = 0
    skipped: int = 0

    def line(self, store: Store) -> str:
        """The counts in one line."""
        text = (
            f"{counted(self.runs, 'run')}, {counted(self.models, 'model')}, {counted(self.metrics, 'metric value')} and "
            f"{counted(self.files, 'file')} brought into {store.name}; {counted(self.present, 'run')} "
            f"{'was' if self.present == 1 else 'were'} there already"
        )
        if not self.skipped:
            return text
        missing = "its run is" if self.skipped == 1 else "their runs are"
        return f"{text}; {counted(self.skipped, 'model figure')} left out: {missing} not in the study"


@dataclass
class ImportState:
    """A study on its way into a store.

    Attributes:
        folder: The study's folder.
        store: The store.
        join: Whether the study is of a fallback store, see `import_study`.
        tables: Its experiments and registered models.
        runs: By id, parents before their children.
        models: All.
        done: The counts.
        run_ids: Ids of runs here, by those in the study.
        model_ids: The same of models.
    """

    folder: Path
    store: Store
    join: bool
    tables: Tables
    runs: dict[str, RunRecord]
    models: list[ModelRecord]
    done: Imported = field(default_factory=Imported)
    run_ids: dict[str, str] = field(default_factory=dict)
    model_ids: dict[str, str] = field(default_factory=dict)
    known: dict[str, tuple[str, bool]] = field(default_factory=dict)  # by the id in the study: id here, complete
    _experiments: dict[str, str] = field(default_factory=dict)

    @cached_property
    def client(self) -> MlflowClient:
        """Of the store."""
        return self.store.client()

    def experiment(self, name: str) -> str:
        """Finds or makes the experiment; the first time adds the tags that it lacks, and reads what was imported before."""
        if name in self._experiments:
            return self._experiments[name]
        key = self._experiments[name] = self.store.experiment_id(name)
        own = self.client.get_experiment(key).tags
        given = next(item for item in self.tables.experiments if item.name == name)
        for tag, value in given.tags.items():
            if tag not in own and not is_comparison(tag):  # which names runs by their ids there
                self.client.set_experiment_tag(key, tag, value)
        for run in pages(lambda token: self.client.search_runs([key], max_results=500, page_token=token)):
            for tag, complete in ((BEGUN_TAG, False), (IMPORTED_TAG, True)):
                if tag in run.data.tags:
                    self.known[run.data.tags[tag]] = (run.info.run_id, complete)
        for model in pages(lambda token: self.client.search_logged_models([key], max_results=50, page_token=token)):
            if IMPORTED_TAG in model.tags:
                self.known[model.tags[IMPORTED_TAG]] = (model.model_id, str(model.status) == "READY")
        return key


def origin_of(own: RunRecord | ModelRecord, name: str) -> str:
    """The id that a run or model had in the first store, however often it was exported since."""
    return str(own.tags.get(IMPORTED_TAG, name))


def batched(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """The items in lists of at most `size`."""
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
