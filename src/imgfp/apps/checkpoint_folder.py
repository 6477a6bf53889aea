"""All checkpoints of a training, evaluated in one parent run: evaluate/descriptors.py checkpoint=FOLDER."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path

from omegaconf import DictConfig

from imgfp.apps.descriptor_evaluation import (
    TaggedRun,
    chosen,
    evaluate_set,
    is_official,
    left_out_lines,
    protocol,
    tell_champion,
)
from imgfp.apps.descriptor_set import open_set
from imgfp.apps.schemas import DescriptorsApp
from imgfp.apps.sweep_job import LEFT_OUT_TAG, hand_over, sweep_parent
from imgfp.datasets.disc_set import DiscSet
from imgfp.errors import LEFT_OUT, OK, InputError
from imgfp.files import hash_value
from imgfp.progress import announce
from imgfp.reports.console import ui_hint
from imgfp.studies.checkpoint_table import Row, best_row, checkpoint_table
from imgfp.studies.checkpoints import Checkpoint, exported_checkpoints
from imgfp.studies.folder_lock import folder_lock
from imgfp.studies.judged_descriptors import background_digest
from imgfp.tracking import (
    STUDY_TAG,
    FoundRun,
    Parent,
    Run,
    adopt,
    comparison,
    describe,
    open_store,
    parent_run,
    study_runs,
)
from imgfp.tracking.outage import outage

KEY_TAG = "imgfp.evaluation"


def judge_folder(config: DictConfig, app: DescriptorsApp) -> int:
    """Evaluates every export of a folder under every chosen normalisation, each in a child of one parent run.

    What is finished is not repeated. A checkpoint that cannot be used is reported, the others are evaluated.

    Returns:
        The exit code: 3 where anything was left out.
    """
    folder = Path(str(app.checkpoint)).resolve()
    checkpoints, unusable = exported_checkpoints(folder)
    study = _Study(config, app, folder, DiscSet.open(Path(app.data.root)))
    with study.alone():
        study.find_finished()
        rows = [row for checkpoint in checkpoints for row in study.evaluate(checkpoint, unusable)]
        if not rows:
            raise InputError(
                f"checkpoint={folder}: none of its {len(unusable)} checkpoints can be evaluated; the first: "
                f"{next(iter(unusable.values()))}"
            )
        study.tell_parent(rows)
    study.tell(rows)
    for line in study.left_out:
        print(line, file=sys.stderr)
    for said in unusable.values():
        print(f"left out: {said}", file=sys.stderr)
    if unusable:
        print(
            f"{len(unusable)} checkpoint(s) of {folder} left out, {len({row.checkpoint for row in rows})} evaluated",
            file=sys.stderr,
        )
    return LEFT_OUT if unusable or study.left_out else OK


class _Study:
    """The evaluations of one folder on one data set.

    Attributes:
        left_out: Lines on images without a descriptor.
    """

    def __init__(self, config: DictConfig, app: DescriptorsApp, folder: Path, data: DiscSet) -> None:
        self.config, self.app, self.folder, self.data = config, app, folder, data
        self.left_out: list[str] = []
        self._names = chosen(app)
        self._store, self._experiment = open_store(app.paths.mlruns), app.tracking.experiment
        needed = app.pca is not None or any(self._names.values())
        self._background = background_digest(app.background or "training", data.root) if needed else None
        # what the plain figures depend on, beside the checkpoint
        rules = [app.answers, app.cap, app.pca, app.whiten, self._background if app.pca is not None else None]
        self.key = hash_value([str(folder), data.digest, rules])
        self._children: dict[str, FoundRun] = {}
        self._parent = Parent(
            f"checkpoints {self.key}", f"{folder.name} on {data.root.name}"
        )  # made by its first child
        self._dim, self._reused, self._elsewhere = 0, True, False

    def alone(self) -> AbstractContextManager[None]:
        """Keeps a second process from the same work; it waits, and then finds everything done."""
        work = Path(self.app.paths.work) / f"checkpoints-{self.key[:8]}"
        return folder_lock(work, f"evaluation of {self.folder}", wait=True)

    def find_finished(self) -> None:
        """Looks up the evaluations so far; within the lock, after another process may have added some."""
        self._children = study_runs(self._store, self._experiment, self.key, KEY_TAG)

    def evaluate(self, checkpoint: Checkpoint, unusable: dict[Path, str]) -> list[Row]:
        """The rows of one checkpoint; none, and why in `unusable`, where it cannot be evaluated."""
        found = {name: self._child(checkpoint, name) for name in self._names} if self.app.resume else {}
        done = {name: run for name, run in found.items() if run is not None and run.status == "FINISHED"}
        rows = {}
        for name, child in done.items():
            rows[name] = Row(checkpoint, name, child.metrics, child.run_id)
            self._note(child.tags)
        if todo := [name for name in self._names if name not in done]:
            self._reused = False
            announce(f"evaluating {checkpoint.title} ({checkpoint.path.name})")
            try:
                rows |= self._evaluate(checkpoint, todo)
            except InputError as error:
                unusable[checkpoint.path] = str(error)
                return []
        return [rows[name] for name in self._names]

    def tell_parent(self, rows: Sequence[Row]) -> None:
        """The parent run gets the curve over the epochs, and the best checkpoint's figures as its own."""
        best, run_id = best_row(rows), None
        try:
            run_id = parent_run(self._store, self._experiment, self._parent.key, self._parent.name)
            Run(self._store, run_id, self._experiment).write(lambda run: self._tell(run, rows, best))
            if (sweep := sweep_parent()) is not None:  # over several folders: one row each
                adopt(self._store, run_id, sweep, self._experiment, self._parent.name)
        except Exception as error:  # the evaluations themselves are complete
            if (reason := outage(error)) is None:
                raise
            announce(f"warning: {self._store.name}: {reason}: the parent run of these evaluations is not up to date")
        hand_over(sweep_parent(), run_id, best.metrics, self._reused)

    def _tell(self, run: Run, rows: Sequence[Row], best: Row) -> None:
        client = run.store.client()
        client.set_tag(run.run_id, "data", self.data.root.name)
        client.log_param(run.run_id, "checkpoint", str(self.folder))
        curve = {row.checkpoint.epoch: row for row in rows if row.checkpoint.epoch is not None}
        known = {item.step for item in client.get_metric_history(run.run_id, "validation/uap")}
        for epoch in sorted(curve.keys() - known):
            metrics = curve[epoch].metrics
            run.log_metrics(
                {f"validation/{key}": metrics[key] for key in ("uap", "recall_at_1", "recall_at_p90")}, epoch
            )
        now = client.get_run(run.run_id).data.metrics
        if now.get("uap") != best.metrics["uap"]:
            figures = {key: best.metrics[key] for key in ("uap", "recall_at_1", "recall_at_10", "recall_at_p90")}
            run.log_metrics({**figures, "best/epoch": best.checkpoint.epoch})

    def tell(self, rows: Sequence[Row]) -> None:
        """Prints the table, the champion and where to look next."""
        app, data = self.app, self.data
        print(protocol(app, data.root.name, len(data.truth.queries), len(data.references), self._dim))
        print(checkpoint_table(rows))
        best, of = best_row(rows), (data.root.name, data.digest)
        tell_champion(
            *(self._store, app, best.checkpoint, float(best.metrics["uap"] or 0.0), of),
            *(is_official(app, self._dim), self._elsewhere),
        )
        print(f"in MLflow: {ui_hint(self._store.name)}, then {describe(self._store, self._experiment)}")
        if len(rows) > 1:
            print(f"side by side: {comparison(self._store, self._experiment, [row.run_id for row in rows])}")

    def _evaluate(self, checkpoint: Checkpoint, todo: list[str]) -> dict[str, Row]:
        config, path = self.config.copy(), str(checkpoint.path)
        config.checkpoint = path
        app = replace(self.app, checkpoint=path)
        judged = open_set(app, any(self._names[name] for name in todo), self.data)
        listing = Path(app.paths.work) / judged.name / f"checkpoints-{self.key[:8]}.failures.csv"
        tags = {STUDY_TAG: self.key}
        if lines := left_out_lines(judged, listing):
            tags[LEFT_OUT_TAG] = "\n".join(lines)[:4000]
        self._note(tags | {"dimensions": str(judged.query.dim)})
        runs = {}
        for name in todo:
            before = self._child(checkpoint, name) if self.app.resume else None  # interrupted
            own = {**tags, KEY_TAG: self._key_of(checkpoint, name)}
            runs[name] = TaggedRun(own, before.run_id if before else None)
        done, _ = evaluate_set(config, app, judged, todo, self._parent, checkpoint, runs)
        self._elsewhere |= any(item.elsewhere for item in done.values())
        return {name: Row(checkpoint, name, item.metrics, item.run_id) for name, item in done.items()}

    def _child(self, checkpoint: Checkpoint, name: str) -> FoundRun | None:
        return self._children.get(self._key_of(checkpoint, name))

    def _key_of(self, checkpoint: Checkpoint, name: str) -> str:
        """What distinguishes an evaluation from the others of this study."""
        normalisation = self._names[name]
        settings = None if normalisation is None else [asdict(normalisation), self._background]
        return hash_value([checkpoint.sha256, name, settings])

    def _note(self, tags: Mapping[str, str]) -> None:
        self._dim = int(tags["dimensions"])
        lines = tags.get(LEFT_OUT_TAG, "").splitlines()
        self.left_out += [line for line in lines if line not in self.left_out]
