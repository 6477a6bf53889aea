"""The folder and the MLflow run of one training, identified by its settings, so that rerunning the command resumes it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from imgfp.errors import InputError
from imgfp.files import write_json
from imgfp.learning.artifacts import LAST, Trained
from imgfp.learning.recorder import Figures
from imgfp.progress import announce
from imgfp.tracking import Run, Store, log_checkpoint, mark_moved, mark_removed
from imgfp.tracking.metric_names import HEADLINES

_STATE = "run.json"


@dataclass(frozen=True)
class RunFolder:
    """Where a training keeps its checkpoints; `data_hash` identifies the training and evaluation images."""

    path: Path
    data_hash: str

    @classmethod
    def open(cls, path: Path, data_hash: str, resume: bool, store: Store) -> "RunFolder":
        """The folder as it is, or a fresh one where `resume` is false: then the old one is moved aside, not removed,
        and its checkpoints in `store` state their new place.

        Raises:
            InputError: it was started with other images, or its state cannot be read.
        """
        if not resume and path.exists():
            aside = next(
                place for n in range(1, 10_000) if not (place := path.with_name(f"{path.name}.before-{n}")).exists()
            )
            path.rename(aside)
            announce(f"the earlier training was moved to {aside}")
            cls(aside, data_hash)._tell_moved(path, store)
        folder = cls(path, data_hash)
        begun = folder._state().get("data_hash", data_hash)
        if begun != data_hash:
            raise InputError(
                f"{path}: this training was started with other photographs or a different evaluation set (hash {begun[:8]}, now {data_hash[:8]}): "
                "put them back, or start afresh with resume=false"
            )
        return folder

    @property
    def begun(self) -> bool:
        """Whether there is a checkpoint to resume from."""
        return (self.path / LAST).exists()

    @property
    def finished(self) -> Trained | None:
        """What a training that has come to its end left behind."""
        done = self._state().get("finished")
        return Trained.read(self.path, done["epochs"], done["stopped_early"]) if done else None

    def mlflow_run(self, store: Store) -> str | None:
        """The id of the resumed run; None for a new one, also where the store no longer has it."""
        run_id = self._state().get("mlflow_run")
        if run_id is None or not store.has_run(run_id):
            return None
        return str(run_id)

    def noted(self, key: str) -> Any:
        """A fact that was kept; None where it was not."""
        return self._state().get(key)

    def note(self, **what: object) -> None:
        """Keeps facts beside the checkpoints."""
        write_json(self.path / _STATE, self._state() | {"data_hash": self.data_hash} | what)

    def _tell_moved(self, before: Path, store: Store) -> None:
        try:
            run_id = self.mlflow_run(store)
        except InputError:  # a damaged folder may be moved aside too; its run is not known any more
            return
        if run_id is not None:
            mark_moved(store, run_id, before, self.path)
            store.client().set_tag(run_id, "folder", str(self.path.resolve()))

    def _state(self) -> dict[str, Any]:
        path = self.path / _STATE
        try:
            return dict(json.loads(path.read_bytes()))
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError):
            raise InputError(
                f"{path}: damaged, it does not record how far this training is: delete it to resume in a new MLflow run, "
                "or start afresh with resume=false"
            ) from None


class Judge(Protocol):
    """Compares a training with others while it runs."""

    def report(self, epoch: int, uap: float) -> None:
        """The uAP after an epoch, counted from 1."""

    def stops(self) -> bool:
        """Whether the training is to end."""


@dataclass(frozen=True)
class TrackedRecorder:
    """A training's figures and checkpoints, in its MLflow run.

    Curves over optimiser steps have names of their own: `loss`, `epoch`, `validation/...`, `best/...`. The plain names
    (`uap`, ...) are results, as in every other kind of run, and without steps: MLflow's tables show what was logged last,
    which is always the best checkpoint so far.

    Attributes:
        data: Name and digest of the evaluation set.
        link: See `Recorder`.
    """

    run: Run
    params: dict[str, object]
    data: tuple[str, str] | None
    link: str = ""
    judge: Judge | None = None

    def environment(self, facts: Mapping[str, str]) -> None:
        """See `Recorder`. As tags, which a resumed training may change."""
        for key, value in facts.items():
            self.run.set_tag(key, value)

    def figures(self, figures: Figures, step: int) -> None:
        """See `Recorder`."""
        self.run.log_metrics(figures, step)

    def baseline(self, figures: Figures) -> None:
        """See `Recorder`."""
        self.run.log_metrics(_headlines("baseline", figures))

    def checkpoint(self, weights: Path, card: Path, figures: Figures, epoch: int, step: int) -> None:
        """See `Recorder`."""
        self.run.log_metrics({f"validation/{name}": value for name, value in figures.items()}, step)
        # MLflow gives a model's figures to its run too: without a step, so that those of `best` follow them
        name = f"{weights.parent.name.replace('.', '_')} epoch {epoch}"
        own = _without_thresholds(figures)
        log_checkpoint(self.run, weights, card, self.params, own, step, self.data, name=name, metrics_step=0)
        if self.judge is not None:
            self.judge.report(epoch, float(figures.get("uap") or 0.0))

    def best(self, figures: Figures, epoch: int, step: int) -> None:
        """See `Recorder`."""
        self.run.log_metrics({**_headlines("best", figures), "best/epoch": float(epoch)}, step)
        self.run.log_metrics(_without_thresholds(figures))

    def finished(self, figures: Figures) -> None:
        """See `Recorder`."""
        self.run.log_metrics(figures)

    def removed(self, weights: Path, reason: str) -> None:
        """See `Recorder`."""
        mark_removed(self.run, weights, reason)

    def stop(self) -> bool:
        """See `Recorder`."""
        return self.judge is not None and self.judge.stops()


def _headlines(stage: str, figures: Figures) -> Figures:
    return {f"{stage}/{name}": figures[name] for name in HEADLINES if name in figures}


def _without_thresholds(figures: Figures) -> Figures:
    """A threshold may be undefined for a later checkpoint, and MLflow would go on showing an earlier one's."""
    return {name: value for name, value in figures.items() if not name.endswith("threshold_at_p90")}
