"""Settings in MLflow: the parent shows the best one, a table and pictures of all; the best ones are runs of their own."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from imgfp.files import hash_value
from imgfp.progress import track
from imgfp.studies.judged_run import Tracking
from imgfp.studies.merging.merger import Merger
from imgfp.studies.merging.setting import Setting
from imgfp.studies.merging.sheet import HELD_OUT, SELECTION, Row, best_of, by_uap, write_pictures, write_settings
from imgfp.studies.merging.source import Source
from imgfp.studies.merging.split import Split
from imgfp.tracking import ChildRun, Run, children, log_children, open_store, tracked_run

COUNT_TAG = "settings"


def track_setting(
    source: Source, split: Split, row: Row, tracking: Tracking, parent: str | None = None, name: str = ""
) -> str:
    """One setting as a run, a child of the run `parent`; its id. `name`: of the run; empty: the setting."""
    settings, tags = {**tracking.settings, **row.setting.overrides}, _tags(source, split)
    store = open_store(tracking.folder)
    with tracked_run(
        store, tracking.experiment, name or row.setting.text, settings, tracking.config_yaml, tags, parent
    ) as run:
        _log_data(run, source)
        run.log_metrics(row.figures)
        return run.run_id


def track_settings(
    source: Source, merger: Merger, rows: Sequence[Row], most: int, title: str, tracking: Tracking
) -> tuple[str, Path]:
    """Many settings as one run, and the `most` best ones as its children.

    Returns:
        The run's id, and the folder with `settings.csv`, the pictures, and `predictions.csv` of the best setting.
    """
    out = source.out / f"settings-{hash_value([[row.setting.values for row in rows], merger.split.tag])[:8]}"
    best = best_of(rows)
    merger.predictions(best.setting).write_csv(out / "predictions.csv")
    paths = _write(out, rows)
    tags = _tags(source, merger.split)
    store = open_store(tracking.folder)
    with tracked_run(store, tracking.experiment, title, tracking.settings, tracking.config_yaml, tags) as run:
        _log_data(run, source)
        _tell(run, best, len(rows), paths)
        run.log_artifact(out / "predictions.csv", "best")
        shown = by_uap(rows)[:most]
        own = {key: tracking.settings[key] for key in ("data", "preset", "branches") if key in tracking.settings}
        runs = (ChildRun(row.setting.text, {**own, **row.setting.overrides}, row.figures, tags) for row in shown)
        log_children(run, tracking.experiment, track(runs, len(shown), "writing runs to MLflow", "runs"))
        return run.run_id, out


def tell_parent(run: Run, source: Source, row: Row, draw: bool) -> Row:
    """Notes the best of a sweep's children so far in their parent.

    Args:
        run: The parent.
        source: What is merged.
        row: The child that has just ended.
        draw: Whether to read all children, and draw them: it takes longer the more there are.

    Returns:
        The best one so far.
    """
    own = run.store.client().get_run(run.run_id).data
    count = int(own.tags.get(COUNT_TAG, 0)) + 1
    known = _best_setting(own.tags)
    if draw or known is None:
        rows = [found for params, metrics in children(run) if (found := _row(params, metrics)) is not None]
        best = best_of(rows)
        _tell(run, best, len(rows), _write(source.out / f"sweep-{run.run_id[:8]}", rows))
        return best
    best = Row(known, own.metrics)
    if row.uap > best.uap:
        best = row
    _tell(run, best, count, [])
    return best


def _best_setting(tags: Mapping[str, str]) -> Setting | None:
    """What `_tell` noted."""
    before = "best.fusion.weights."
    values = {key.removeprefix(before): value for key, value in tags.items() if key.startswith(before)}
    if not values:
        return None
    return Setting.of(values | {name: tags[f"best.fusion.{name}"] for name in ("calibration", "normalisation")})


def _row(params: Mapping[str, str], metrics: Mapping[str, float]) -> Row | None:
    """A child run as a setting and its figures; None of one that is none."""
    before = "fusion.weights."
    values = {key.removeprefix(before): value for key, value in params.items() if key.startswith(before)}
    if not values or f"{SELECTION}uap" not in metrics:
        return None
    values |= {
        name: params[f"fusion.{name}"] for name in ("calibration", "normalisation") if f"fusion.{name}" in params
    }
    return Row(Setting.of(values), metrics)


def _write(out: Path, rows: Sequence[Row]) -> list[Path]:
    write_settings(out / "settings.csv", rows)
    return [out / "settings.csv", *write_pictures(out, rows)]


def _tell(run: Run, best: Row, count: int, paths: Sequence[Path]) -> None:
    """The parent's figures are those of the best setting; `count` settings so far."""
    run.log_metrics(best.figures, count)
    client = run.store.client()
    for key, value in best.setting.overrides.items():
        client.set_tag(run.run_id, f"best.{key}", value)
    client.set_tag(run.run_id, COUNT_TAG, str(count))
    for path in paths:
        run.log_artifact(path, "images" if path.suffix == ".png" else None)


def _tags(source: Source, split: Split) -> dict[str, str]:
    return {"preset": source.name, "data": source.data, "split": split.tag, "held_out": str(split.held_out).lower()}


def _log_data(run: Run, source: Source) -> None:
    queries = sum(source.candidates.queries)
    run.log_dataset(source.data, source.root, source.digest, queries)


def settings_table(rows: Sequence[Row], configured: Setting, most: int = 5) -> str:
    """The best settings and the configured one as text."""
    held_out = f"{HELD_OUT}uap" in rows[0].figures
    prefix = HELD_OUT if held_out else SELECTION
    shown = by_uap(rows)[:most]
    shown += [row for row in rows if row.setting == configured and row not in shown]
    texts = [f"{row.setting.text} (configured)" if row.setting == configured else row.setting.text for row in shown]
    width = max(map(len, texts), default=0)
    heads = ("uAP", "R@P90", "recall@1", "recall@10")
    keys = [f"{SELECTION}uap", *(f"{prefix}{name}" for name in ("uap", "recall_at_p90", "recall_at_1", "recall_at_10"))]
    lines = [
        f"{'':<{width}} {'choosing':>9}   {'held out' if held_out else 'NOT HELD OUT':>8}",
        f"{'setting':<{width}} {'uAP':>9} " + " ".join(f"{head:>9}" for head in heads),
    ]
    for text, row in zip(texts, shown, strict=True):
        lines.append(f"{text:<{width}} " + " ".join(f"{row.figures.get(key) or 0:>9.4f}" for key in keys))
    return "\n".join(lines)
