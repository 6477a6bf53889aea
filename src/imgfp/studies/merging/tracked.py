"""Settings in MLflow: one is a run; of many, one run shows the best, a table and pictures, and the best ones are its children."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from imgfp.files import hash_value
from imgfp.progress import track
from imgfp.studies.judged_run import Tracking
from imgfp.studies.merging.merger import Merger
from imgfp.studies.merging.setting import Setting
from imgfp.studies.merging.sheet import HELD_OUT, SELECTION, Row, best_of, by_uap, write_pictures, write_settings
from imgfp.studies.merging.source import Source
from imgfp.studies.merging.split import Split
from imgfp.tracking import ChildRun, Run, log_children, open_store, tracked_run
from imgfp.tracking.metric_names import label

COUNT_TAG = "settings"


def track_setting(source: Source, split: Split, row: Row, tracking: Tracking) -> str:
    """One setting as a run; its id."""
    with _tracked(source, split, row.setting.text, tracking) as run:
        run.log_metrics(row.figures)
        return run.run_id


def track_settings(
    source: Source, merger: Merger, rows: Sequence[Row], most: int, title: str, tracking: Tracking
) -> tuple[str, Path]:
    """Many settings as one run, named `title`, and the `most` best ones as its children.

    Returns:
        The run's id, and the folder with `settings.csv`, the pictures, and `predictions.csv` of the best setting.
    """
    out = (
        source.out
        / f"settings-{hash_value([[row.setting.values for row in rows], merger.split.tag, merger.digest])[:8]}"
    )
    best = best_of(rows)
    merger.predictions(best.setting).write_csv(out / "predictions.csv")
    write_settings(out / "settings.csv", rows)
    paths = [out / "settings.csv", *write_pictures(out, rows)]
    with _tracked(source, merger.split, title, tracking) as run:
        run.log_metrics(best.figures)
        noted = {f"best.{key}": value for key, value in best.setting.overrides.items()}
        for key, value in {**noted, COUNT_TAG: str(len(rows))}.items():
            run.set_tag(key, value)
        for path in paths:
            run.log_artifact(path, "images" if path.suffix == ".png" else None)
        run.log_artifact(out / "predictions.csv", "best")
        shown, tags = by_uap(rows)[:most], _tags(source, merger.split)
        own = {key: tracking.settings[key] for key in ("data", "preset", "branches") if key in tracking.settings}
        runs = (ChildRun(row.setting.text, {**own, **row.setting.overrides}, row.figures, tags) for row in shown)
        log_children(run, tracking.experiment, track(runs, len(shown), "writing runs to MLflow", "runs"))
        return run.run_id, out


def _tags(source: Source, split: Split) -> dict[str, str]:
    return {"preset": source.name, "data": source.data, "split": split.tag, "held_out": str(split.held_out).lower()}


@contextmanager
def _tracked(source: Source, split: Split, name: str, tracking: Tracking) -> Iterator[Run]:
    """A run on the source's data set."""
    with tracked_run(
        *(open_store(tracking.folder), tracking.experiment, name, tracking.settings, tracking.config_yaml),
        *(tracking.tags(_tags(source, split)), tracking.parent),
    ) as run:
        run.log_dataset(source.data, source.root, source.digest, sum(source.candidates.queries))
        yield run


def settings_table(rows: Sequence[Row], configured: Setting, most: int = 5) -> str:
    """The best settings and the configured one as text."""
    held_out = f"{HELD_OUT}uap" in rows[0].figures
    prefix = HELD_OUT if held_out else SELECTION
    shown = by_uap(rows)[:most]
    shown += [row for row in rows if row.setting == configured and row not in shown]
    texts = [f"{row.setting.text} (configured)" if row.setting == configured else row.setting.text for row in shown]
    width = max(map(len, texts), default=0)
    names = ("uap", "recall_at_p90", "recall_at_1", "recall_at_10")
    keys = [f"{SELECTION}uap", *(f"{prefix}{name}" for name in names)]
    lines = [
        f"{'':<{width}} {'choosing':>9}   {'held out' if held_out else 'NOT HELD OUT':>8}",
        f"{'setting':<{width}} {'uAP':>9} " + " ".join(f"{label(name):>9}" for name in names),
    ]
    for text, row in zip(texts, shown, strict=True):
        lines.append(f"{text:<{width}} " + " ".join(f"{row.figures.get(key) or 0:>9.4f}" for key in keys))
    return "\n".join(lines)
