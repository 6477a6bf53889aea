"""The view graph of a set of photographs: which pairs were tested, which of them were verified, and what connects the set."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


@dataclass(frozen=True, eq=False)
class ViewGraph:
    """Photographs and the pairs of them that were tested.

    `names`: one per photograph. `pairs`: (t, 2) int32 positions in `names`, the smaller first, no pair twice.
    `scores`: (t,) float64 similarities by which the pairs were chosen. `inliers`: (t,) int64 of each pair's two-view geometry.
    `min_inliers`: A pair with at least as many is verified: an edge of the graph.
    """

    names: tuple[str, ...]
    pairs: np.ndarray
    scores: np.ndarray
    inliers: np.ndarray
    min_inliers: int

    def __post_init__(self) -> None:
        if self.pairs.shape != (len(self.scores), 2) or len(self.scores) != len(self.inliers):
            raise ValueError(f"pairs {self.pairs.shape}, {len(self.scores)} scores, {len(self.inliers)} inlier counts")

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def verified(self) -> np.ndarray:
        """(t,) bool: the edges among the tested pairs."""
        return self.inliers >= self.min_inliers

    @cached_property
    def edges(self) -> np.ndarray:
        """(e, 2) int32: the verified pairs, in the order of `pairs`."""
        return self.pairs[self.verified]

    @cached_property
    def degrees(self) -> np.ndarray:
        """(photographs,) int64: verified pairs of each photograph."""
        return np.bincount(self.edges.ravel(), minlength=len(self))

    @cached_property
    def components(self) -> list[list[int]]:
        """The connected components, as sorted positions; the largest first, at equal size the one with the first photograph."""
        labels = component_labels(len(self), self.edges)
        order = np.argsort(labels, kind="stable")
        parts = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if len(self) else []
        return sorted((part.tolist() for part in parts), key=lambda part: (-len(part), part[0]))

    @cached_property
    def bridges(self) -> list["Bridge"]:
        """The edges without which a component falls apart, the one that cuts off most photographs first."""
        found = [Bridge(row, size) for row, size in find_bridges(len(self), self.edges)]
        return sorted(found, key=lambda bridge: (-bridge.cuts_off, bridge.edge))

    @property
    def single_pair(self) -> list[int]:
        """The photographs with a single verified pair."""
        return np.flatnonzero(self.degrees == 1).tolist()

    @property
    def isolated(self) -> list[int]:
        """The photographs without a verified pair."""
        return np.flatnonzero(self.degrees == 0).tolist()

    @property
    def lookalikes(self) -> list[int]:
        """Rows of tested pairs that are at least as similar as half of the verified pairs, but have no geometry; most similar first.

        Different places that look alike, or views of one place that are too far apart to be matched. Empty without edges.
        """
        if not self.verified.any():
            return []
        rows = np.flatnonzero(~self.verified & (self.scores >= np.median(self.scores[self.verified])))
        return rows[np.argsort(-self.scores[rows], kind="stable")].tolist()

    def named(self, row: int) -> tuple[str, str]:
        """The names of a tested pair."""
        first, second = self.pairs[row].tolist()
        return self.names[first], self.names[second]

    def facts(self) -> dict[str, Any]:
        """Everything above as plain JSON values, by name."""
        names, rows = self.names, np.flatnonzero(self.verified)
        return {
            "photographs": list(names),
            "min_inliers": self.min_inliers,
            "tested": [
                [*self.named(row), score, inliers]
                for row, (score, inliers) in enumerate(zip(self.scores.tolist(), self.inliers.tolist(), strict=True))
            ],
            "verified": int(self.verified.sum()),
            "components": [[names[place] for place in part] for part in self.components],
            "bridges": [
                {
                    "pair": list(self.named(int(rows[bridge.edge]))),
                    "inliers": int(self.inliers[rows[bridge.edge]]),
                    "cuts_off": bridge.cuts_off,
                }
                for bridge in self.bridges
            ],
            "single_verified_pair": [names[place] for place in self.single_pair],
            "isolated": [names[place] for place in self.isolated],
            "lookalikes": [[*self.named(row), float(self.scores[row])] for row in self.lookalikes],
        }

    @property
    def summary(self) -> str:
        """What is connected, in one line."""
        if not self.verified.any():
            return f"no pair of {len(self)} photographs was verified: {len(self.pairs)} pairs were tested"
        largest = len(self.components[0])
        alone = f", {len(self.isolated)} photographs isolated" if self.isolated else ""
        return (
            f"{int(self.verified.sum())} verified pairs of {len(self.pairs)} tested; "
            f"{largest} of {len(self)} photographs in the largest of {len(self.components)} components{alone}; "
            f"{len(self.bridges)} bridges, {len(self.single_pair)} photographs with a single pair"
        )


@dataclass(frozen=True)
class Bridge:
    """An edge that alone joins two parts. `edge`: its row in `ViewGraph.edges`; `cuts_off`: photographs in the smaller part."""

    edge: int
    cuts_off: int


def component_labels(count: int, edges: np.ndarray) -> np.ndarray:
    """(count,) int32: the connected component of each of `count` vertices; `edges`: (e, 2) positions."""
    graph = coo_array((np.ones(len(edges), np.int8), (edges[:, 0], edges[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1])


def find_bridges(count: int, edges: np.ndarray) -> list[tuple[int, int]]:
    """(edge, vertices in the smaller part) of every bridge, by depth-first search (Tarjan 1974), without recursion."""
    neighbours: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for edge, (a, b) in enumerate(edges.tolist()):
        neighbours[a].append((b, edge))
        neighbours[b].append((a, edge))
    entered, lowest, below = [-1] * count, [0] * count, [1] * count
    clock, found = 0, []
    for root in range(count):
        if entered[root] >= 0:
            continue
        started, of_root = clock, []
        path = [(root, -1, iter(neighbours[root]))]
        entered[root] = lowest[root] = clock
        clock += 1
        while path:
            vertex, by, following = path[-1]
            for other, edge in following:
                if edge == by:
                    continue
                if entered[other] >= 0:
                    lowest[vertex] = min(lowest[vertex], entered[other])
                    continue
                entered[other] = lowest[other] = clock
                clock += 1
                path.append((other, edge, iter(neighbours[other])))
                break
            else:
                path.pop()
                if path:
                    parent = path[-1][0]
                    lowest[parent] = min(lowest[parent], lowest[vertex])
                    below[parent] += below[vertex]
                    if lowest[vertex] > entered[parent]:
                        of_root.append((by, below[vertex]))
        size = clock - started
        found += [(edge, min(part, size - part)) for edge, part in of_root]
    return found
