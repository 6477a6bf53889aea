"""What the parent run of a sweep shows: how many jobs have ended, the best of them, a table and a chart of all."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib.figure import Figure

from imgfp.reports import setting_figures
from imgfp.reports.sweep_figure import sweep_figure
from imgfp.studies.sweep_rows import (
    WAITING,
    SweepRow,
    best_first,
    best_row,
    counts_text,
    figures_of,
    figures_of_run,
    keys_of,
    short_value,
    table_cells,
    write_table,
)
from imgfp.tracking import FoundRun, Run, child_runs
from imgfp.tracking.metric_names import label
from imgfp.tracking.notes import LONGEST_TAG, SWEPT_TAG, figures_text, run_link, set_note

_SHOWN = 30  # rows of the description
_FROM_BEST = ("data", "experiment", "preset", "architecture")  # tags that lists of runs are grouped by


def update_parent(
    parent: Run, rows: Sequence[SweepRow], keys: Sequence[str], command: str, jobs: int | None = None
) -> list[SweepRow]:
    """Updates the parent run of a sweep after a job, or after all; call it under the store's lock.

    Args:
        parent: The parent run.
        rows: Of the sweep's own jobs.
        keys: What is swept.
        command: The sweep's command.
        jobs: How many it has; None: one per row.

    Returns:
        All rows: the sweep's, and those of earlier sweeps over the same keys.
    """
    found, jobs = child_runs(parent), len(rows) if jobs is None else jobs
    rows = with_earlier(rows, keys, found)
    best, client = best_row(rows), parent.store.client()
    finished = sum(row.done for row in rows)
    counts: dict[str, float | None] = {
        "jobs": len(rows),
        "jobs_finished": finished,
        "jobs_failed": sum(row.state == "failed" for row in rows),
    }
    tags = {SWEPT_TAG: ", ".join(keys), "imgfp.command": command}
    if best is not None:
        counts |= {name: value for name, value in best.figures.items() if value is not None}
        tags |= {f"best.{key}": value for key, value in best.settings.items()}
        run = next((run for run in found if run.run_id == best.run_id), None)
        if run is not None:
            tags |= {"best.run": run.name} | {key: run.tags[key] for key in _FROM_BEST if key in run.tags}
    parent.log_metrics(counts)  # at step 0: MLflow draws bars of a metric only where no run has it at a later step
    for key, value in tags.items():
        client.set_tag(parent.run_id, key, value[:LONGEST_TAG])
    experiment_id = client.get_run(parent.run_id).info.experiment_id
    links = {run.run_id: run_link(experiment_id, run.run_id) for run in found}
    chart = f"{run_link(experiment_id, parent.run_id)}/artifacts/images/sweep.png" if best is not None else ""
    set_note(parent.store, parent.run_id, _note(rows, command, jobs, links, chart))
    with TemporaryDirectory() as folder:
        table = Path(folder) / "sweep.csv"
        write_table(rows, table)
        parent.log_artifact(table)
        for name, figure in _figures(rows).items() if best is not None else ():
            picture = table.with_name(f"{name}.png")
            figure.savefig(picture)
            parent.log_artifact(picture, "images")
    return rows


def with_earlier(rows: Sequence[SweepRow], keys: Sequence[str], found: Sequence[FoundRun]) -> list[SweepRow]:
    """The rows, and below them the runs of earlier sweeps with other settings; of equal settings the newest run counts.

    Values are those in MLflow, where 1e-4 and 0.0001 are the same text.
    """
    by_id, own = {run.run_id: run for run in found}, []
    ids: set[str] = set()  # several jobs may have the same run, such as that of a preset that none of them changes
    for row in rows:
        if row.run_id is None or row.run_id not in ids:
            run = by_id.get(row.run_id or "")
            own.append(row if run is None else replace(row, settings=_settings(row.settings, run)))
            ids |= {row.run_id} if row.run_id else set()
    names = keys_of(own) or list(keys)
    known = {_place(row.settings, names) for row in own}
    earlier = []
    for run in reversed(found):
        settings = _settings(dict.fromkeys(names, ""), run)
        # one that was killed or has failed is worth a row only where nothing took its place
        if run.run_id not in ids and _place(settings, names) not in known:
            known.add(_place(settings, names))
            earlier.append(SweepRow(settings, run.status.lower(), figures_of_run(run), run.run_id))
    return own + earlier[::-1]


def _place(settings: Mapping[str, str], names: Sequence[str]) -> tuple[object, ...]:
    """Equal for equal settings, however their numbers are written."""
    return tuple(_number(settings.get(name, "")) for name in names)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _settings(settings: Mapping[str, str], run: FoundRun) -> dict[str, str]:
    return {key: run.params.get(key, value) for key, value in settings.items()}


def _note(rows: Sequence[SweepRow], command: str, jobs: int, links: Mapping[str, str], chart: str) -> str:
    """The parent's description, in Markdown: the best run, a table with a link to each run, the command.

    `links`: by run id. `chart`: address of the chart; empty: there is none.
    """
    best, ordered = best_row(rows), best_first(rows)
    head, *cells = table_cells(rows)
    state = head.index("state")
    for row, line in zip(ordered, cells, strict=True):
        if row.run_id is not None and row.run_id in links:
            line[state] = f"[{line[state]}]({links[row.run_id]})"
    lines = [
        "| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |"
        for line in (head, ["---"] * len(head), *cells)
    ]
    parts = [counts_text(rows, jobs)]
    if best is not None:
        figures = figures_text({name: value for name, value in best.figures.items() if value is not None})
        parts = [f"**Best of its runs: {_linked(_named(best), links.get(best.run_id or ''))}: {figures}**", *parts]
    last = [f"Look next at [the chart]({chart})."] if chart else []
    last.append(f"`{command}`\n")
    shown = min(len(cells), _SHOWN)
    while True:
        more = [] if shown == len(cells) else [f"The best {shown}; all are in the artifact `sweep.csv`."]
        text = "\n\n".join([*parts, "\n".join(lines[: 2 + shown]), *more, *last])
        if len(text) <= LONGEST_TAG or not shown:
            return text
        shown -= 1


def _named(row: SweepRow) -> str:
    return " ".join(f"{key}={short_value(value)}" for key, value in row.settings.items())


def _linked(text: str, link: str | None) -> str:
    return f"[{text}]({link})" if link else text


def _figures(rows: Sequence[SweepRow]) -> dict[str, Figure]:
    """By name: the two most important figures of all runs that have one; once no job waits, pictures of all swept keys."""
    shown = [row for row in best_first(rows) if row.score > -float("inf")]
    keys = [key for key in keys_of(rows) if len({row.settings.get(key) for row in shown}) > 1] or keys_of(rows)
    alone = len(keys) == 1
    names = [" ".join(row.settings.get(key, "") if alone else f"{key}={row.settings.get(key, '')}" for key in keys) for row in shown]  # fmt: skip
    figures = {label(name): [row.figures.get(name) for row in shown] for name in figures_of(shown)[:2]}
    drawn = {"sweep": sweep_figure(names, figures, keys[0] if alone else "", 0)}
    if not alone and all(row.state != WAITING for row in rows):
        settings = [{key: _number(row.settings.get(key, "")) for key in keys} for row in shown]
        drawn |= setting_figures(settings, [row.score for row in shown], next(iter(figures)))
    return drawn
