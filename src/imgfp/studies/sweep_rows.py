"""The table of a sweep: one row per run, the best first."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imgfp.files import hash_value, write_csv
from imgfp.tracking import FoundRun
from imgfp.tracking.metric_names import label

_LONGEST_VALUE, _MOST_FIGURES = 40, 4
_DONE, WAITING = ("finished", "reused"), "waiting"
_RANKING = re.compile(r"(?:(?:easy|medium|hard)/)?(map|recall)(?:_at_\d+)?")


@dataclass(frozen=True)
class SweepRow:
    """One run of a sweep, or a job that opened none.

    Attributes:
        settings: Values of what was swept, by key.
        state: finished, reused, failed, skipped, or another word for a job without a result.
        figures: By name, the one to compare by first; None: undefined.
        run_id: In MLflow.
    """

    settings: Mapping[str, str]
    state: str
    figures: Mapping[str, float | None] = field(default_factory=dict)
    run_id: str | None = None

    @property
    def done(self) -> bool:
        """Whether there is a result."""
        return self.state in _DONE

    @property
    def score(self) -> float:
        """What rows are compared by: the first figure, minus infinity where there is none."""
        first = next(iter(self.figures.values()), None)
        return -float("inf") if first is None or first != first or not self.done else first


def compared_figures(metrics: Mapping[str, float | None]) -> dict[str, float | None]:
    """Those of a run's metrics that a sweep compares, the most important one first; of a training the best checkpoint's."""
    own = {**metrics, **_without("best/", metrics)}
    merged = (
        "selection/uap",
        "held_out/uap",
        "held_out/recall_at_1",
        "held_out/recall_at_p90",
    )  # never chosen by held-out
    for names in (merged, ("uap", "recall_at_1", "recall_at_p90"), ("map50", "map50_95")):
        if names[0] in own:
            return {name: own[name] for name in names if name in own}
    ranked = sorted(filter(_RANKING.fullmatch, own), key=_importance)
    return {name: own[name] for name in ranked[:_MOST_FIGURES]}


def figures_of_run(run: FoundRun) -> dict[str, float | None]:
    """The same of a run in the store; those under a score normalisation where that is what was evaluated."""
    normalised = run.tags.get("normalisation", "none") != "none"
    return compared_figures({**run.metrics, **_without("normalised/", run.metrics)} if normalised else run.metrics)


def best_first(rows: Sequence[SweepRow]) -> list[SweepRow]:
    """Sorted by score; rows without a result are last, in their order."""
    return sorted(rows, key=lambda row: (not row.done, -row.score))


def best_row(rows: Sequence[SweepRow]) -> SweepRow | None:
    """The one with the highest score; None where there is no score."""
    return next((row for row in best_first(rows) if row.score > -float("inf")), None)


def keys_of(rows: Sequence[SweepRow]) -> list[str]:
    """All that distinguishes the rows."""
    return list(dict.fromkeys(key for row in rows for key in row.settings))


def figures_of(rows: Sequence[SweepRow]) -> list[str]:
    """The names of all figures, the most important one first."""
    return list(dict.fromkeys(name for row in rows for name in row.figures))


def counts_text(rows: Sequence[SweepRow], jobs: int | None = None) -> str:
    """How many in which state, such as "3 jobs: 1 finished, 2 reused"; "runs" where there are not as many rows as jobs."""
    states = dict.fromkeys(row.state for row in rows)
    counts = ", ".join(f"{sum(row.state == state for row in rows)} {state}" for state in states)
    what = "job" if jobs in (None, len(rows)) else "run"
    return f"{len(rows)} {what}{'' if len(rows) == 1 else 's'}: {counts}"


def table_cells(rows: Sequence[SweepRow]) -> list[list[str]]:
    """The table as text, the best row first: a heading, then swept values, figures, state and which is the best."""
    keys, figures, best = keys_of(rows), figures_of(rows), best_row(rows)
    cells = [[*keys, *map(label, figures), "state", ""]]
    for row in best_first(rows):
        values = (row.figures.get(name) for name in figures)
        cells.append(
            [
                *(short_value(row.settings.get(key, "")) for key in keys),
                *("-" if value is None else f"{value:.4f}" for value in values),
                row.state,
                "best" if row is best else "",
            ]
        )
    return cells


def table_text(rows: Sequence[SweepRow]) -> str:
    """The table for the console; figures are right-aligned."""
    cells, first = table_cells(rows), len(keys_of(rows))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = range(first, first + len(figures_of(rows)))
    lines = (
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    )
    return "\n".join(f"  {line}".rstrip() for line in lines)


def write_table(rows: Sequence[SweepRow], path: Path) -> None:
    """The table as CSV, with whole values, figures and run ids."""
    keys, figures = keys_of(rows), figures_of(rows)
    lines = []
    for row in best_first(rows):
        values = [row.figures.get(name) for name in figures]
        written = ["" if value is None else repr(value) for value in values]
        lines.append([*(row.settings.get(key, "") for key in keys), *written, row.state, row.run_id or ""])
    write_csv(path, [*keys, *figures, "state", "run_id"], lines)


def short_value(value: str) -> str:
    """A long value keeps its end, of a path the file's name, and a hash of all of it: readable and unique."""
    if len(value) <= _LONGEST_VALUE:
        return value
    end = value.rstrip("/").rpartition("/")[2] or value
    return f"{end[-_LONGEST_VALUE + 8 :]}~{hash_value(value)[:4]}"


def _without(prefix: str, metrics: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name.removeprefix(prefix): value for name, value in metrics.items() if name.startswith(prefix)}


def _importance(name: str) -> tuple[bool, int, str]:
    """Mean average precision before recall; of several subsets the medium one first."""
    subset, _, figure = name.rpartition("/")
    return not figure.startswith("map"), ("medium", "hard", "easy", "").index(subset), figure
