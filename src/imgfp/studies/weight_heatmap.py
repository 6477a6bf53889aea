"""What the parent run of a sweep over merge weights shows: the best setting, and a map of all."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from imgfp.reports import heat_map_figure
from imgfp.tracking import Run, children

Weights = Mapping[str, float]


def tell_parent(run: Run, branches: Sequence[str]) -> tuple[Weights, tuple[float, float]]:
    """Notes the best of the children so far in their parent, by the half to choose by, and draws the map.

    Returns:
        The best weights, and their uAP on the half to choose by and on the one held out.
    """
    found = []
    for params, metrics in children(run):
        weights = {branch: float(params[f"fusion.weights.{branch}"]) for branch in branches}
        found.append((weights, metrics["uap"], metrics["held_out/uap"], metrics))
    weights, uap, held_out, metrics = max(found, key=lambda item: item[1])
    run.log_metrics(metrics, len(found))
    for branch, weight in weights.items():
        run.store.client().set_tag(run.run_id, f"best.fusion.weights.{branch}", f"{weight:g}")
    along, across = _shown([item[0] for item in found], branches)
    cells: dict[tuple[float, float], float] = {}
    for item in found:
        place = item[0][along], item[0][across]
        cells[place] = max(item[1], cells.get(place, item[1]))
    figure = heat_map_figure(
        cells, f"weight of {across}", f"weight of {along}", "uAP, half to choose by", (weights[along], weights[across])
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "weights.png"
        figure.savefig(path)
        run.log_artifact(path, "images")
    return weights, (uap, held_out)


def _shown(found: Sequence[Weights], branches: Sequence[str]) -> tuple[str, str]:
    """The two branches whose weights have the most values; the map shows the best over the others."""
    values = {branch: len({weights[branch] for weights in found}) for branch in branches}
    ranked = sorted(branches, key=lambda branch: -values[branch])
    return (ranked[1], ranked[0]) if len(ranked) > 1 else (ranked[0], ranked[0])
