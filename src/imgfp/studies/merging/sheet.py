"""Many settings side by side: the best one, a table, a heat map and parallel coordinates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imgfp.files import write_bytes, write_csv
from imgfp.reports import setting_figures
from imgfp.reports.image_files import png_bytes
from imgfp.studies.merging.merger import Outcome
from imgfp.studies.merging.setting import Setting
from imgfp.tracking.metric_names import label

SELECTION, HELD_OUT = "selection/", "held_out/"
WHAT = "uAP, choosing queries"


@dataclass(frozen=True)
class Row:
    """A setting and its figures by their names in MLflow; None for one that is undefined."""

    setting: Setting
    figures: Mapping[str, float | None]

    @classmethod
    def of(cls, done: Outcome) -> "Row":
        """The figures of the choosing queries after `selection/`, of those held out after `held_out/` and plain.

        Where none are held out, the plain names have those of the choosing queries.
        """
        figures = {f"{SELECTION}{name}": value for name, value in done.selection.figures().items()}
        if done.held_out is not None:
            figures |= {f"{HELD_OUT}{name}": value for name, value in done.held_out.figures().items()}
        return cls(done.setting, figures | (done.held_out or done.selection).figures())

    @property
    def uap(self) -> float:
        """The figure that settings are chosen by."""
        value = self.figures[f"{SELECTION}uap"]
        assert value is not None, "defined wherever there is a true pair"
        return value

    @property
    def text(self) -> str:
        """In one line: nobody should take the first figures for held-out ones."""
        own, held_out = self._line(SELECTION), self._line(HELD_OUT)
        said = f"{self.setting.text}: choosing queries: {own}"
        return f"{said}; held out: {held_out}" if f"{HELD_OUT}uap" in self.figures else said

    def _line(self, prefix: str) -> str:
        shown = ("uap", "recall_at_p90", "recall_at_1")
        return ", ".join(f"{label(name)} {self.figures.get(prefix + name) or 0:.4f}" for name in shown)


def best_of(rows: Sequence[Row]) -> Row:
    """The one with the highest uAP on the choosing queries, the first among equals."""
    return max(rows, key=lambda row: row.uap)


def by_uap(rows: Sequence[Row]) -> list[Row]:
    """The best on the choosing queries first."""
    return sorted(rows, key=lambda row: -row.uap)


def write_settings(path: Path, rows: Sequence[Row]) -> None:
    """A CSV of all settings, the best on the choosing queries first; an undefined figure is empty."""
    names = [name for name in rows[0].figures if "/" in name]
    table = [
        [
            *row.setting.values.values(),
            *("" if (value := row.figures.get(name)) is None else repr(value) for name in names),
        ]
        for row in by_uap(rows)
    ]
    write_csv(path, [*rows[0].setting.values, *names], table)


def write_pictures(folder: Path, rows: Sequence[Row]) -> list[Path]:
    """`heat_map.png` where two weights vary, `parallel_coordinates.png` where anything does."""
    branches = {branch for branch, _ in rows[0].setting.weights}
    shown = [
        {f"weight of {key}" if key in branches else key: value for key, value in row.setting.values.items()}
        for row in rows
    ]
    paths = []
    for name, figure in setting_figures(shown, [row.uap for row in rows], WHAT).items():
        paths.append(folder / f"{name}.png")
        write_bytes(paths[-1], png_bytes(figure))
    return paths
