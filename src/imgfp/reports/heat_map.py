"""A figure over two settings as a map of coloured cells."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle


def heat_map_figure(
    values: Mapping[tuple[float, float], float], across: str, along: str, what: str, best: tuple[float, float]
) -> Figure:
    """Cells of (value of `along`, value of `across`), each with its number; the best one framed. Cells may be missing.

    Args:
        values: By the two settings.
        across: Name of the setting whose values stand side by side.
        along: Name of the other.
        what: Name of the figure.
        best: The cell to frame.
    """
    rows, columns = (sorted({key[place] for key in values}) for place in (0, 1))
    grid = np.array([[values.get((row, column), np.nan) for column in columns] for row in rows])
    size = 2.2 + 0.75 * len(columns), 1.6 + 0.5 * len(rows)
    figure = Figure(figsize=(max(4.5, size[0]), max(2.6, size[1])), dpi=150, layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    shown = axes.imshow(np.ma.masked_invalid(grid), cmap="cividis", aspect="auto", origin="lower")
    middle = (np.nanmin(grid) + np.nanmax(grid)) / 2
    for (row, column), value in np.ndenumerate(grid):
        if not np.isnan(value):
            ink = "black" if value > middle else "white"
            axes.text(column, row, f"{value:.4f}", ha="center", va="center", color=ink, fontsize=7)
    corner = columns.index(best[1]) - 0.5, rows.index(best[0]) - 0.5
    axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor="#D55E00", linewidth=2.5))
    axes.set_xticks(range(len(columns)), [f"{value:g}" for value in columns])
    axes.set_yticks(range(len(rows)), [f"{value:g}" for value in rows])
    axes.set(xlabel=across, ylabel=along)
    figure.colorbar(shown, ax=axes, label=what)
    return figure
