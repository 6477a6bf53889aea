"""The evaluations of several checkpoints as a table, the best marked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imgfp.descriptors import PLAIN
from imgfp.studies.checkpoints import Checkpoint
from imgfp.tracking.metric_names import label

_FIGURES = ("uap", "recall_at_1", "recall_at_p90")


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


def best_row(rows: Sequence[Row]) -> Row:
    """The row of the checkpoint with the highest uAP without normalisation, the first of equals."""
    return max(rows, key=lambda row: row.metrics["uap"] or 0.0)


def checkpoint_table(rows: Sequence[Row]) -> str:
    """One line per row; the best one is marked for each normalisation."""
    names = list(dict.fromkeys(row.normalisation for row in rows))
    best = [
        max((row for row in rows if row.normalisation == name), key=lambda row: row.figure("uap")) for name in names
    ]
    wide = max(len("checkpoint"), *(len(row.checkpoint.path.stem) for row in rows))
    column = names != [PLAIN]
    heading = f" {'normalisation':<13}" if column else ""
    lines = [f"{'epoch':>5}  {'checkpoint':<{wide}}{heading}" + "".join(f" {label(name):>9}" for name in _FIGURES)]
    for row in rows:
        epoch = "" if row.checkpoint.epoch is None else row.checkpoint.epoch
        heading = f" {row.normalisation:<13}" if column else ""
        figures = "".join(f" {row.figure(key):>9.4f}" for key in _FIGURES)
        lines.append(
            f"{epoch:>5}  {row.checkpoint.path.stem:<{wide}}{heading}{figures}{'  best' if row in best else ''}"
        )
    return "\n".join(lines)
