"""The evaluations of several checkpoints as a table, the best marked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imgfp.descriptors import PLAIN
from imgfp.studies.checkpoints import Checkpoint

_FIGURES = {"uAP": "uap", "recall@1": "recall_at_1", "R@P90": "recall_at_p90"}


@dataclass(frozen=True)
class Row:
    """A checkpoint under one normalisation. `metrics`: as its MLflow run has them."""

    checkpoint: Checkpoint
    normalisation: str
    metrics: Mapping[str, float | None]
    run_id: str

    def figure(self, name: str) -> float:
        """A figure under the row's normalisation."""
        value = self.metrics[name if self.normalisation == PLAIN else f"normalised/{name}"]
        assert value is not None, "always defined"
        return value


def best_row(rows: Sequence[Row]) -> Row | None:
    """The row of the trained checkpoint with the highest uAP without normalisation, the first of equals.

    None where there is only the untrained network.
    """
    trained = [row for row in rows if not row.checkpoint.untrained]
    return max(trained, key=lambda row: row.metrics["uap"] or 0.0) if trained else None


def checkpoint_table(rows: Sequence[Row]) -> str:
    """One line per row; the best trained one is marked for each normalisation."""
    names = list(dict.fromkeys(row.normalisation for row in rows))
    best = []
    for name in names:
        trained = [row for row in rows if row.normalisation == name and not row.checkpoint.untrained]
        best += [max(trained, key=lambda row: row.figure("uap"))] if trained else []
    wide = max(len("checkpoint"), *(len(row.checkpoint.path.stem) for row in rows))
    column = names != [PLAIN]
    heading = f" {'normalisation':<13}" if column else ""
    lines = [f"{'epoch':>5}  {'checkpoint':<{wide}}{heading}" + "".join(f" {title:>9}" for title in _FIGURES)]
    for row in rows:
        epoch = "" if row.checkpoint.epoch is None else row.checkpoint.epoch
        heading = f" {row.normalisation:<13}" if column else ""
        note = "  best" if row in best else "  untrained" if row.checkpoint.untrained else ""
        figures = "".join(f" {row.figure(key):>9.4f}" for key in _FIGURES.values())
        lines.append(f"{epoch:>5}  {row.checkpoint.path.stem:<{wide}}{heading}{figures}{note}")
    first = next((row for row in rows if row.checkpoint.untrained), None)
    top = best_row(rows)
    if first is not None and top is not None and (first.metrics["uap"] or 0.0) >= (top.metrics["uap"] or 0.0):
        lines.append("no epoch is better than the untrained network")
    return "\n".join(lines)
