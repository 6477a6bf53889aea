"""Which pairs of photographs to test: `grow` answers to what verification finds; `trees` and `knn` go by similarity alone.

All are pure functions of scored candidate pairs; ties are broken by position, so the same input gives the same pairs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from imgfp.errors import InputError
from imgfp.mirror.view_graph import component_labels, find_bridges

Verify = Callable[[Sequence[tuple[int, int]]], Sequence[int]]
"""Pairs of positions to the number of inliers of each pair's two-view geometry."""

METHODS = ("grow", "trees", "knn")
_MOST_A_ROUND = 64  # pairs that one component proposes
# When all is connected: the inliers of a strong pair, as a multiple of `min_inliers`, and the rounds that join parts which
# fewer than two such pairs connect. A mapper registers a photograph by about 30 points that it already has.
_STRONG, _STRENGTHENING_ROUNDS = 4, 6


@dataclass(frozen=True, eq=False)
class Candidates:
    """Scored pairs among `count` photographs, the best first.

    `pairs`: (m, 2) int32, the smaller position first, no pair twice. `scores`: (m,) float64, descending.
    `ranks`: (m,) int64: the pair's better place in the two photographs' rankings, from 0; its worse place with `mutual`.
    """

    count: int
    pairs: np.ndarray
    scores: np.ndarray
    ranks: np.ndarray

    @classmethod
    def of(
        cls, neighbours: np.ndarray, scores: np.ndarray, mutual: bool = False, min_score: float | None = None
    ) -> "Candidates":
        """From each photograph's ranking of the others; memory grows with photographs x places.

        Args:
            neighbours: (n, k) positions, best first; the photograph itself and -1 (no photograph) are ignored.
            scores: (n, k) similarities. A pair's score is the mean of both directions, or the one that is ranked.
            mutual: Keep only pairs in which each photograph ranks the other among its k best.
            min_score: Keep only pairs with at least this score.
        """
        count, width = neighbours.shape
        rows = np.repeat(np.arange(count), width)
        columns, values = neighbours.ravel().astype(np.int64), scores.ravel().astype(np.float64)
        others = (columns != rows) & (columns >= 0)
        places = (np.cumsum(others.reshape(count, width), axis=1) - 1).ravel()[others]
        rows, columns, values = rows[others], columns[others], values[others]
        keys = np.minimum(rows, columns) * count + np.maximum(rows, columns)
        unique, inverse, times = np.unique(keys, return_inverse=True, return_counts=True)
        means = np.bincount(inverse, values, len(unique)) / times
        ranks = np.full(len(unique), -1 if mutual else width, np.int64)
        (np.maximum if mutual else np.minimum).at(ranks, inverse, places)
        kept = np.ones(len(unique), bool) if min_score is None else means >= min_score
        if mutual:
            kept &= times == 2
        order = np.flatnonzero(kept)[np.argsort(-means[kept], kind="stable")]
        pairs = np.stack([unique[order] // max(1, count), unique[order] % max(1, count)], axis=1).astype(np.int32)
        return cls(count, pairs, means[order], ranks[order])

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True)
class GrowConfig:
    """How `grow` spends its tests.

    Attributes:
        first: Pairs per photograph that are tested at the beginning: its nearest.
        neighbours: A photograph with fewer verified pairs proposes one more pair each round.
        top: Most tested pairs per photograph.
        budget: Most tested pairs; None: no bound but `top`.
        min_inliers: A pair with at least as many inliers is verified.
    """

    first: int = 3
    neighbours: int = 5
    top: int = 20
    budget: int | None = None
    min_inliers: int = 15


def grow(candidates: Candidates, verify: Verify, config: GrowConfig) -> tuple[np.ndarray, np.ndarray]:
    """Tests pairs where the verified graph needs them.

    First each photograph's `first` nearest are verified. Then, round by round, each component of the verified graph proposes its
    best untested pairs to the other components (one, then twice as many each round, up to 64), and each photograph with fewer than
    `neighbours` verified pairs its best untested one. Where no pair is left between components, six rounds do the same for the
    parts that fewer than two strong pairs (4 times `min_inliers`) join, since one wrong or weak pair should not decide. The best
    pairs are those with most evidence in the verified graph (`_evidence`), then the most similar. It ends when nothing is proposed,
    or when the budget is spent.

    Returns:
        Rows of the tested candidates, (t,) int64 in the order of testing, and their inliers, (t,) int64.
    """
    chosen = _Chosen(candidates, config.top, config.budget)
    rows, inliers = np.zeros(0, np.int64), np.zeros(0, np.int64)
    proposed, rounds, connected = np.flatnonzero(candidates.ranks < config.first), 0, False
    while len(batch := chosen.take(proposed)):
        found = np.asarray(verify([(int(a), int(b)) for a, b in candidates.pairs[batch]]), dtype=np.int64)
        rows, inliers = np.concatenate([rows, batch]), np.concatenate([inliers, found])
        verified = inliers >= config.min_inliers
        edges = candidates.pairs[rows[verified]]
        order = np.argsort(-_evidence(candidates, edges, inliers[verified]), kind="stable")
        few = np.bincount(edges.ravel(), minlength=candidates.count) < config.neighbours
        proposed = _best_per_group(candidates, np.arange(candidates.count), order[chosen.free[order]], 1, few)
        labels = component_labels(candidates.count, edges)
        if not (chosen.free & _across(candidates, labels)).any():
            rounds, connected = (rounds, True) if connected else (0, True)
            labels = _without_bridges(candidates.count, candidates.pairs[rows[inliers >= _STRONG * config.min_inliers]])
        if not connected or rounds < _STRENGTHENING_ROUNDS:
            across = order[(chosen.free & _across(candidates, labels))[order]]
            more = _best_per_group(candidates, labels, across, min(2**rounds, _MOST_A_ROUND))
            proposed = np.union1d(proposed, more)
        rounds += 1
    return rows, inliers


def trees(candidates: Candidates, top: int, budget: int | None = None) -> np.ndarray:
    """The union of top / 2 spanning trees of largest similarity, each without the pairs of those before; at most `top` pairs each.

    Returns:
        Rows of the chosen candidates, ascending.
    """
    left = np.ones(len(candidates), bool)
    chosen: list[np.ndarray] = []
    for _ in range(max(1, top // 2)):
        rows = np.flatnonzero(left)
        # positive weights that grow with the rank, since zeros are no edges: the tree depends on the order alone
        weights = coo_array((rows + 1.0, tuple(candidates.pairs[rows].T)), shape=(candidates.count,) * 2)
        chosen.append(minimum_spanning_tree(weights.tocsr()).data.astype(np.int64) - 1)
        left[chosen[-1]] = False
    picked = _Chosen(candidates, top, budget)
    return np.sort(np.concatenate([picked.take(np.sort(rows)) for rows in chosen]))


def knn(candidates: Candidates, top: int, budget: int | None = None) -> np.ndarray:
    """Each photograph's `top` nearest, the most similar pairs first while both photographs have fewer than `top`.

    Returns:
        Rows of the chosen candidates, ascending.
    """
    order = np.flatnonzero(candidates.ranks < top)
    return np.sort(_Chosen(candidates, top, budget).take(order[np.argsort(candidates.ranks[order], kind="stable")]))


def require_method(method: str) -> None:
    """Raises InputError that lists what is allowed."""
    if method not in METHODS:
        raise InputError(f"select={method!r}: give one of {', '.join(METHODS)}")


class _Chosen:
    """What was chosen so far. `free`: (m,) bool, the candidates that may still be chosen."""

    def __init__(self, candidates: Candidates, top: int, budget: int | None) -> None:
        self._pairs, self._top = candidates.pairs, top
        self._left = len(candidates) if budget is None else budget
        self._used = np.zeros(candidates.count, np.int64)
        self.free = np.ones(len(candidates), bool)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Those of the proposed rows, in their order, that the bounds allow."""
        accepted: list[int] = []
        for row in rows.tolist():
            a, b = self._pairs[row]
            if len(accepted) < self._left and max(self._used[a], self._used[b]) < self._top:
                self._used[a] += 1
                self._used[b] += 1
                accepted.append(row)
        self._left -= len(accepted)
        self.free[accepted] = False
        self.free &= (self._used[self._pairs] < self._top).all(axis=1)
        return np.array(accepted, np.int64)


def _without_bridges(count: int, edges: np.ndarray) -> np.ndarray:
    """(count,) labels of the parts that stay connected whichever edge is removed."""
    bridges = [edge for edge, _ in find_bridges(count, edges)]
    return component_labels(count, np.delete(edges, bridges, axis=0))


def _across(candidates: Candidates, labels: np.ndarray) -> np.ndarray:
    return np.asarray(labels[candidates.pairs[:, 0]] != labels[candidates.pairs[:, 1]])


def _evidence(candidates: Candidates, edges: np.ndarray, inliers: np.ndarray) -> np.ndarray:
    """(m,) how much the photographs of each candidate are verified with the same others: the sum of sqrt(inliers x inliers)."""
    both = np.concatenate([edges, edges[:, ::-1]]).T
    strength = coo_array((np.sqrt(np.tile(inliers, 2)), tuple(both)), shape=(candidates.count,) * 2).tocsr()
    return np.asarray((strength @ strength)[tuple(candidates.pairs.T)]).ravel()


def _best_per_group(
    candidates: Candidates, labels: np.ndarray, order: np.ndarray, most: int, proposing: np.ndarray | None = None
) -> np.ndarray:
    """The first `most` of the rows `order` of each group of photographs. `proposing`: (photographs,) bool, those that may propose."""
    sides = candidates.pairs[order]
    places, photographs = np.repeat(np.arange(len(order)), 2), sides.ravel()
    if proposing is not None:
        places, photographs = places[proposing[photographs]], photographs[proposing[photographs]]
    groups = labels[photographs]
    by_group = np.lexsort((places, groups))
    groups, places = groups[by_group], places[by_group]
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    within = np.arange(len(places)) - np.repeat(starts, np.diff(starts, append=len(places)))
    return np.unique(order[places[within < most]])
