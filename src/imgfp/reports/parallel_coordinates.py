"""Plots many settings and their figure as lines across parallel axes, one axis for each value that varies."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

_MAX_TICKS = 12  # distinct values that get a tick each
_SPREAD = 0.07  # height at a tick over which lines are spread by their figure, so that they do not hide each other
_MAX_LINES = 2000  # more hide each other and take minutes to draw
_BEST = "#D55E00"


def parallel_coordinates_figure(
    settings: Sequence[Mapping[str, float | str]], values: Sequence[float], what: str, best: int
) -> Figure:
    """One line per setting through its values, coloured by its figure, the best one highlighted and drawn last.

    Values that are the same in all settings have no axis. Few distinct values are spaced evenly, many numbers on a scale
    that is logarithmic where all are positive. Of more than 2,000 settings, an even sample by their figure is drawn.

    Args:
        settings: Values by name, the same names in each.
        values: The figure of each setting.
        what: Name of the figure.
        best: The setting to highlight.
    """
    names = [name for name in settings[0] if len({setting[name] for setting in settings}) > 1]
    order = np.argsort(np.array(values), kind="stable")
    spread = np.empty(len(values))
    spread[order] = (np.arange(len(values)) / max(len(values) - 1, 1) - 0.5) * _SPREAD
    scaled = [_Axis([setting[name] for setting in settings]) for name in names]
    columns = [axis.heights + (spread if axis.ticked else 0) for axis in scaled]
    figures = _Axis(list(values), ticked=False)
    lines = np.stack([*columns, figures.heights], axis=1)
    places = np.arange(lines.shape[1])

    figure = Figure(figsize=(2.6 + 1.9 * len(places), 5.2), dpi=150, layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    if len(order) > _MAX_LINES:
        order = order[np.linspace(0, len(order) - 1, _MAX_LINES).round().astype(int)]
        figure.suptitle(
            f"the best and an even sample of all {len(values):,} settings: {_MAX_LINES:,} lines", fontsize=9
        )
    drawn = np.array([np.column_stack([places, lines[row]]) for row in order])
    shown = LineCollection(list(drawn), cmap="cividis", linewidths=0.9, alpha=0.55 if len(values) > 60 else 0.9)
    shown.set_array(np.array(values)[order])
    axes.add_collection(shown)
    axes.plot(places, lines[best], color="white", linewidth=5)
    axes.plot(places, lines[best], color=_BEST, linewidth=2.6, label=f"best: {what} {values[best]:.4f}")
    for place, axis in zip(places.tolist(), [*scaled, figures], strict=True):
        axes.axvline(place, color="#333333", linewidth=1)
        for height, text in axis.ticks:
            box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8}
            axes.text(place + 0.03, height, text, fontsize=8, va="center", bbox=box, zorder=5)
    axes.set_xticks(places, [*names, what])
    axes.set_yticks([])
    axes.set(xlim=(-0.15, places[-1] + 0.45), ylim=(-0.06, 1.06))
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.09), frameon=False)
    bar = figure.colorbar(shown, ax=axes, label=what)
    if bar.solids is not None:
        bar.solids.set_alpha(1)
    return figure


class _Axis:
    """Where values are on an axis from 0 to 1, and its labels."""

    def __init__(self, values: Sequence[float | str], ticked: bool = True) -> None:
        distinct = sorted(set(values), key=lambda value: (isinstance(value, str), value))
        words = any(isinstance(value, str) for value in distinct)
        self.ticked = ticked and (words or len(distinct) <= _MAX_TICKS)
        self.ticks: list[tuple[float, str]]
        if self.ticked:
            last = max(len(distinct) - 1, 1)
            height = {value: number / last for number, value in enumerate(distinct)}
            self.heights = np.array([height[value] for value in values])
            self.ticks = [(at, _label(value)) for value, at in height.items()][:: math.ceil(len(distinct) / 30)]
            return
        numbers = np.array(values, float)
        low, high = float(numbers.min()), float(numbers.max())
        log = ticked and low > 0
        scale = np.log if log else (lambda each: each)
        span = float(scale(high) - scale(low)) or 1.0
        self.heights = np.asarray((scale(numbers) - scale(low)) / span)
        marks = (np.geomspace if log else np.linspace)(low, high, 6)
        self.ticks = [(float((scale(mark) - scale(low)) / span), f"{mark:.3g}" if ticked else f"{mark:.4f}") for mark in marks.tolist()]  # fmt: skip


def _label(value: float | str) -> str:
    if isinstance(value, str):
        return value if len(value) <= 24 else f"...{value[-21:]}"
    return f"{value:g}"
