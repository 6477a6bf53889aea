"""Pictures of many settings side by side: a heat map and parallel coordinates."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from imgfp.reports.heat_map import heat_map_figure
from imgfp.reports.parallel_coordinates import parallel_coordinates_figure


def setting_figures(
    settings: Sequence[Mapping[str, float | str]], values: Sequence[float], what: str
) -> dict[str, Figure]:
    """What can be drawn of settings and their figure, of which the highest is the best.

    Args:
        settings: Values by name, the same names in each.
        values: The figure of each setting.
        what: Name of the figure.

    Returns:
        By name: `heat_map` over the two numbers with the most values, each cell with the best over everything else, where two
        numbers vary; `parallel_coordinates` of all that varies.
    """
    distinct = {name: {setting[name] for setting in settings} for name in settings[0]}
    varying = [name for name, each in distinct.items() if len(each) > 1]
    best = max(range(len(values)), key=values.__getitem__)
    figures: dict[str, Figure] = {}
    numbers = [name for name in varying if not any(isinstance(value, str) for value in distinct[name])]
    if len(numbers) > 1:
        across, along = sorted(numbers, key=lambda name: -len(distinct[name]))[:2]
        cells: dict[tuple[float, float], float] = {}
        places = [(float(setting[along]), float(setting[across])) for setting in settings]
        for place, value in zip(places, values, strict=True):
            cells[place] = max(value, cells.get(place, value))
        figures["heat_map"] = heat_map_figure(cells, across, along, what, places[best])
    if varying:
        figures["parallel_coordinates"] = parallel_coordinates_figure(settings, values, what, best)
    return figures
