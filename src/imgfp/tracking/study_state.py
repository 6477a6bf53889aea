"""What an import knows while it runs: the study, the store, and which run or model of the one is which of the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from imgfp.tracking.store import Store
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
            f"{self.runs} runs, {self.models} models, {self.metrics} metric values and {self.files} files brought into "
            f"{store.name}; {self.present} runs were there already"
        )
        return text + (
            f"; {self.skipped} figures of models left out: their runs are not in the study" if self.skipped else ""
        )


@dataclass
class ImportState:
    """A study on its way into a store.

    Attributes:
        folder: The study's folder.
        contents: Its table of contents.
        store: The store.
        join: Whether the study is of a fallback store, see `import_study`.
        done: The counts.
        run_ids: Ids of runs here, by those in the study.
        model_ids: The same of models.
    """

    folder: Path
    contents: dict[str, Any]
    store: Store
    join: bool
    done: Imported = field(default_factory=Imported)
    run_ids: dict[str, str] = field(default_factory=dict)
    model_ids: dict[str, str] = field(default_factory=dict)
    known: dict[str, tuple[str, bool]] = field(default_factory=dict)  # by the id in the study: id here, complete
    _experiments: dict[str, str] = field(default_factory=dict)

    @cached_property
    def client(self) -> MlflowClient:
        """Of the store."""
        return self.store.client()

    def read(self, *parts: str) -> str:
        """The text of a file of the study."""
        return self.folder.joinpath(*parts).read_text(encoding="utf-8")

    def experiment(self, name: str) -> str:
        """Finds or makes the experiment; the first time adds the tags that it lacks, and reads what was imported before."""
        if name in self._experiments:
            return self._experiments[name]
        key = self._experiments[name] = self.store.experiment_id(name)
        own = self.client.get_experiment(key).tags
        (tags,) = (item["tags"] for item in self.contents["experiments"] if item["name"] == name)
        for tag, value in tags.items():
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


def origin_of(own: dict[str, Any], name: str) -> str:
    """The id that a run or model had in the first store, however often it was exported since."""
    return str(own["tags"].get(IMPORTED_TAG, name))


def batched(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """The items in lists of at most `size`."""
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
