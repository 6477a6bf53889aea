"""Matplotlib figures, drawn without pyplot: no global state, no window, thread-safe."""

from collections.abc import Sequence
from itertools import cycle

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from imgfp.reports.report import Curve

# The palette of Okabe and Ito without colours too pale for lines, combined with dash styles.
_COLOURS = {
    False: ("#0072B2", "#D55E00", "#009E73", "#AA4499", "#000000"),
    True: ("#56B4E9", "#E69F00", "#2FC79A", "#E59CC4", "#FFFFFF"),
}
_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))


def precision_recall_figure(curves: Sequence[Curve], dark: bool = False) -> Figure:
    """Precision-recall plot with one step line per curve, and a line at the precision 0.9 of R@P90.

    The area under a step line is the average precision: each recall step is weighted by the precision at its end.

    Args:
        curves: In the order of the legend.
        dark: Light lines on a transparent background, for dark pages.
    """
    ink = "#e6e6e6" if dark else "#222222"
    figure = Figure(figsize=(7.2, 4.6), dpi=150, layout="constrained", facecolor="none" if dark else "white")
    axes = figure.add_subplot(facecolor="none")
    axes.axhline(0.9, color="#999999" if dark else "#777777", linewidth=1, linestyle=(0, (2, 3)))
    axes.annotate("precision 0.9", (0.01, 0.885), color=ink, fontsize=8, va="top")
    for curve, colour, dash in zip(curves, cycle(_COLOURS[dark]), cycle(_DASHES), strict=False):
        recall = np.concatenate([[0.0], curve.recall])
        precision = np.concatenate([curve.precision[:1], curve.precision])
        label = f"{curve.name} ({curve.figure} {curve.uap:.4f})".replace("$", r"\$")  # no math mode
        if len(curve.recall):
            axes.step(recall, precision, where="pre", color=colour, linestyle=dash, linewidth=1.8, label=label)
        else:
            axes.plot([], [], color=colour, linestyle=dash, linewidth=1.8, label=label)
    axes.set(xlim=(0, 1.01), ylim=(0, 1.03), xlabel="recall", ylabel="precision")
    axes.xaxis.set_major_locator(MultipleLocator(0.2))
    axes.yaxis.set_major_locator(MultipleLocator(0.2))
    axes.grid(color=ink, alpha=0.12, linewidth=0.8)
    axes.tick_params(colors=ink)
    axes.xaxis.label.set_color(ink)
    axes.yaxis.label.set_color(ink)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(ink)
    if curves:
        axes.legend(loc="lower left", frameon=False, labelcolor=ink, handlelength=3)
    return figure
