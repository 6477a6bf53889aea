"""Figures of a sweep: lines over one numeric setting, bars otherwise."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.figure import Figure

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#AA4499")
_MOST_BARS = 30


def sweep_figure(names: Sequence[str], figures: Mapping[str, Sequence[float | None]], key: str, best: int) -> Figure:
    """The figures of each run. With a numeric value per run as its name: points over the values, on a logarithmic scale if
    they span a factor of 100. Otherwise a bar per run, of the first 30.

    Args:
        names: Of the runs: the values of the one setting that was swept, or what distinguishes the runs.
        figures: By name one value per run; None: undefined.
        key: What was swept.
        best: The run to mark.
    """
    values = _numbers(names)
    shown = {name: np.array([np.nan if v is None else v for v in each], float) for name, each in figures.items()}
    return _bars(names, shown, key, best) if values is None else _lines(values, shown, key, best)


def _numbers(names: Sequence[str]) -> np.ndarray | None:
    try:
        values = np.array([float(name) for name in names])
    except ValueError:
        return None
    return values if np.isfinite(values).all() and len(set(values)) == len(values) else None


def _lines(values: np.ndarray, figures: Mapping[str, np.ndarray], key: str, best: int) -> Figure:
    figure = Figure(figsize=(6.4, 4.0), dpi=150, layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    order = np.argsort(values)
    axes.axvline(values[best], color="#999999", linewidth=1, linestyle=(0, (2, 3)), label="best")
    for (name, each), colour in zip(figures.items(), cycle(_COLOURS), strict=False):
        axes.plot(values[order], each[order], marker="o", color=colour, label=name)
    if values.min() > 0 and values.max() >= 100 * values.min():
        axes.set_xscale("log")
    axes.set(xlabel=_plain(key))
    axes.grid(alpha=0.2)
    axes.legend(frameon=False)
    return figure


def _bars(names: Sequence[str], figures: Mapping[str, np.ndarray], key: str, best: int) -> Figure:
    count = min(len(names), _MOST_BARS)
    figure = Figure(figsize=(7.2, 1.4 + 0.4 * count), dpi=150, layout="constrained", facecolor="white")
    axes, height = figure.add_subplot(), 0.8 / max(len(figures), 1)
    places = np.arange(count)
    for number, ((name, each), colour) in enumerate(zip(figures.items(), cycle(_COLOURS), strict=False)):
        bars = axes.barh(places + number * height, each[:count], height, color=colour, label=name)
        axes.bar_label(
            bars, ["" if np.isnan(value) else f"{value:.4f}" for value in each[:count]], fontsize=7, padding=2
        )
    marked = (f"{name} (best)" if number == best else name for number, name in enumerate(names[:count]))
    axes.set_yticks(places + 0.4 - height / 2, [_plain(name) for name in marked], fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set(ylabel=_plain(key) if key else "")
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=len(figures))
    return figure


def _plain(text: str) -> str:
    return text.replace("$", r"\$")  # no math mode
