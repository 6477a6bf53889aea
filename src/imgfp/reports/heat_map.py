"""Plots a metric over two settings: a heat map for a grid of values, a scatter plot for many distinct values."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

_MAX_CELLS = 15  # values per axis that a heat map can show


def heat_map_figure(
    values: Mapping[tuple[float, float], float], across: str, along: str, what: str, best: tuple[float, float]
) -> Figure:
    """Heat map with the value in each cell and a frame around the best one; cells may be missing. With more than 15 values
    per axis: a scatter plot, with log scales if all values are positive.

    Args:
        values: Metric by (value of `along`, value of `across`).
        across: Name of the setting on the x axis.
        along: Name of the setting on the y axis.
        what: Name of the metric.
        best: The cell to frame.
    """
    rows, columns = (sorted({key[place] for key in values}) for place in (0, 1))
    if max(len(rows), len(columns)) > _MAX_CELLS:
        return _points(values, across, along, what, best)
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


def _points(
    values: Mapping[tuple[float, float], float], across: str, along: str, what: str, best: tuple[float, float]
) -> Figure:
    figure = Figure(figsize=(6.4, 4.8), dpi=150, layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    y, x = np.array(list(values)).T
    shown = axes.scatter(x, y, c=list(values.values()), cmap="cividis", s=36, edgecolors="#555555", linewidths=0.4)
    axes.scatter([best[1]], [best[0]], s=160, facecolors="none", edgecolors="#D55E00", linewidths=2.5)
    axes.set(xlabel=across, ylabel=along)
    for set_scale, ends in ((axes.set_xscale, x), (axes.set_yscale, y)):
        if ends.min() > 0:
            set_scale("log")
    figure.colorbar(shown, ax=axes, label=what)
    return figure
