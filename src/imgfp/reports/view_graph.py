"""The report on a view graph: drawn with thumbnails, its weak places, and its best pairs with their matches."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imgfp.files import write_bytes
from imgfp.images import Failure, read_rgb
from imgfp.mirror.view_graph import Bridge
from imgfp.pipeline.pairs.find_pairs import PairsResult
from imgfp.pipeline.pairs.verify import TwoView
from imgfp.reports.html import MAX_FAILURES, report_environment
from imgfp.reports.match_image import draw_image, draw_match
from imgfp.reports.view_graph_layout import layout

DRAWN, LINES, THUMBNAILS = 600, 4000, 200  # photographs and edges in the drawing; photographs with a thumbnail there
PAIRS, SHOWN, COMPONENTS, MEMBERS = 12, 24, 24, 8
_THUMBNAIL, _HEIGHT = 56, 200  # pixels


@dataclass(frozen=True)
class DrawnPair:
    """Two photographs side by side, with lines between matched keypoints where there are any."""

    first: str
    second: str
    note: str
    image: np.ndarray


@dataclass(frozen=True)
class DrawnPhotograph:
    """One photograph. `image`: (height, width, 3) uint8."""

    name: str
    note: str
    image: np.ndarray


@dataclass(frozen=True)
class Node:
    """A photograph in the drawing, at x, y in thumbnails. `image`: None where it is drawn as a dot."""

    name: str
    note: str
    x: float
    y: float
    image: np.ndarray | None


@dataclass(frozen=True)
class Line:
    """A pair in the drawing. `kind`: "edge", "bridge" or "lookalike". `width`: in pixels."""

    x1: float
    y1: float
    x2: float
    y2: float
    kind: str
    width: float
    note: str


@dataclass(frozen=True)
class Drawing:
    """The graph as an image of `width` x `height` thumbnails. `left_out`: what is not in it, in words; may be empty."""

    nodes: tuple[Node, ...]
    lines: tuple[Line, ...]
    width: float
    height: float
    left_out: str


def write_view_graph_report(result: PairsResult, path: Path, settings: dict[str, str]) -> None:
    """Writes one self-contained HTML file, atomically."""
    write_bytes(path, render_view_graph(result, settings).encode("utf-8", "backslashreplace"))


def render_view_graph(result: PairsResult, settings: dict[str, str]) -> str:
    """The HTML document. Its size is bounded: what is left out of a large set is said in numbers."""
    graph, album = result.graph, _Album(result)
    bridges = graph.bridges
    rows = np.flatnonzero(graph.verified)
    best, weak = _best_rows(result), [int(rows[bridge.edge]) for bridge in bridges[:PAIRS]]
    alike = graph.lookalikes[:PAIRS]
    found = _two_views(result, {*best, *weak})
    cut = {int(rows[bridge.edge]): bridge.cuts_off for bridge in bridges}
    return (
        report_environment()
        .get_template("view_graph.html")
        .render(
            title="View graph",
            graph=graph,
            settings=settings,
            drawing=_drawing(result, album, bridges),
            components=[
                (len(part), [album.photograph(place, "") for place in part[:MEMBERS]])
                for part in graph.components[:COMPONENTS]
                if len(part) > 1
            ],
            more_components=sum(len(part) > 1 for part in graph.components[COMPONENTS:]),
            bridges=[
                album.pair(row, found.get(row), f"{graph.inliers[row]} inliers; without it {_count(cut[row])} cut off")
                for row in weak
            ],
            bridges_total=len(bridges),
            single_pair=[album.photograph(place, _partner(result, place)) for place in graph.single_pair[:SHOWN]],
            single_pair_total=len(graph.single_pair),
            isolated=[album.photograph(place, "no verified pair") for place in graph.isolated[:SHOWN]],
            isolated_total=len(graph.isolated),
            identical=[(names[:MEMBERS], len(names)) for names in result.identical[:SHOWN]],
            identical_total=len(result.identical),
            lookalikes=[
                album.pair(row, None, f"similarity {graph.scores[row]:.3f}, {graph.inliers[row]} inliers")
                for row in alike
            ],
            lookalikes_total=len(graph.lookalikes),
            best=[
                album.pair(row, found.get(row), f"{graph.inliers[row]} inliers, similarity {graph.scores[row]:.3f}")
                for row in best
            ],
            failures=result.failures[:MAX_FAILURES],
            failures_total=len(result.failures),
            stages=result.stages,
        )
    )


class _Album:
    """Reads and draws photographs, each as often as it is shown."""

    def __init__(self, result: PairsResult) -> None:
        self._result = result

    def pixels(self, place: int, height: int) -> np.ndarray | None:
        rgb = read_rgb(self._result.images.root / self._result.names[place], height)
        return None if isinstance(rgb, Failure) else rgb

    def photograph(self, place: int, note: str, height: int = _HEIGHT) -> DrawnPhotograph:
        return DrawnPhotograph(self._result.names[place], note, draw_image(self.pixels(place, height), height))

    def pair(self, row: int, found: TwoView | None, note: str) -> DrawnPair:
        first, second = self._result.graph.pairs[row].tolist()
        lines = None if found is None else _fractions(self._result, first, second, found.matches)
        image = draw_match(self.pixels(first, 260), self.pixels(second, 260), lines)
        return DrawnPair(*self._result.graph.named(row), note, image)


def _fractions(result: PairsResult, first: int, second: int, matches: np.ndarray) -> np.ndarray:
    """(m, 4) x, y in the first and in the second photograph, as fractions of their sizes."""
    sides = []
    for place, column in ((first, 0), (second, 1)):
        item = result.features.get(place)
        sides.append((item.keypoints[matches[:, column], :2] + 0.5) / (item.width, item.height))
    return np.concatenate(sides, axis=1)


def _two_views(result: PairsResult, rows: set[int]) -> dict[int, TwoView]:
    """The stored matches of some tested pairs; the graph's rows are in the order of testing."""
    return {row: found for row, (_, found) in enumerate(result.verifier.results()) if row in rows} if rows else {}


def _best_rows(result: PairsResult) -> list[int]:
    """The verified pairs with most inliers, no photograph twice."""
    graph, used, rows = result.graph, set[int](), list[int]()
    for row in np.argsort(-graph.inliers, kind="stable").tolist():
        both = set(graph.pairs[row].tolist())
        if not graph.verified[row] or len(rows) == PAIRS:
            break
        if not both & used:
            used |= both
            rows.append(row)
    return rows


def _partner(result: PairsResult, place: int) -> str:
    graph = result.graph
    row = int(np.flatnonzero(graph.verified & (graph.pairs == place).any(axis=1))[0])
    (other,) = set(graph.pairs[row].tolist()) - {place}
    return f"only with {graph.names[other]}, {graph.inliers[row]} inliers"


def _drawing(result: PairsResult, album: _Album, bridges: Sequence[Bridge]) -> Drawing:
    graph, room, parts = result.graph, DRAWN, list[list[int]]()
    for part in graph.components:  # whole components, the largest first; of one that is too large its first photographs
        parts.append(part[:room])
        room -= len(parts[-1])
        if room <= 0:
            break
    drawn = {place for part in parts for place in part}
    width = float(np.clip(3.2 * np.sqrt(len(drawn)), 10, 26))
    places, height = layout(parts, graph.edges, len(graph), width)
    width = float(np.nanmax(places[:, 0])) + 0.7  # often narrower than allowed
    rows, weak = np.flatnonzero(graph.verified), {bridge.edge for bridge in bridges}
    lines = [
        (int(row), "bridge" if edge in weak else "edge")
        for edge, row in enumerate(rows)
        if drawn.issuperset(graph.pairs[row].tolist())
    ]
    alike = [(row, "lookalike") for row in graph.lookalikes[:SHOWN] if drawn.issuperset(graph.pairs[row].tolist())]
    kept = sorted(lines, key=lambda line: (line[1] != "bridge", -graph.inliers[line[0]]))[:LINES]
    pictured = set(sorted(drawn, key=lambda place: (-graph.degrees[place], place))[:THUMBNAILS])
    left_out = []
    if len(drawn) < len(graph):
        left_out.append(f"{len(graph) - len(drawn):,} photographs of the smallest components")
    if len(kept) < len(lines):
        left_out.append(f"the {len(lines) - len(kept):,} pairs with the fewest inliers")
    if len(pictured) < len(drawn):
        left_out.append(f"the thumbnails of {len(drawn) - len(pictured):,} photographs with few pairs, which are dots")
    nodes = tuple(
        Node(
            graph.names[place],
            f"{graph.degrees[place]} verified pairs",
            float(places[place, 0]),
            float(places[place, 1]),
            album.photograph(place, "", _THUMBNAIL).image if place in pictured else None,
        )
        for place in sorted(drawn)
    )
    return Drawing(nodes, tuple(_lines(result, [*alike, *kept[::-1]], places)), width, height, ", ".join(left_out))


def _lines(result: PairsResult, rows: Iterable[tuple[int, str]], places: np.ndarray) -> Iterable[Line]:
    graph = result.graph
    for row, kind in rows:
        x1, y1, x2, y2 = places[graph.pairs[row]].ravel().tolist()
        thick = 1.0 if kind == "lookalike" else float(np.clip(np.log2(graph.inliers[row] / 8), 1, 5))
        first, second = graph.named(row)
        yield Line(
            x1,
            y1,
            x2,
            y2,
            kind,
            thick,
            f"{first} - {second}: {graph.inliers[row]} inliers, similarity {graph.scores[row]:.3f}",
        )


def _count(photographs: int) -> str:
    return "1 photograph is" if photographs == 1 else f"{photographs} photographs are"
