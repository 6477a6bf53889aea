"""The best database images of each query, collected block by block."""

from dataclasses import dataclass

import numpy as np

from imgfp.records.match_pairs import MatchPairs


@dataclass(frozen=True)
class Ranking:
    """The best database images of n queries, best first.

    `indices`: (n, k) int64 rows of the database. `scores`: (n, k) float64.
    """

    indices: np.ndarray
    scores: np.ndarray

    def match_pairs(self, query_positions: np.ndarray, database_positions: np.ndarray) -> MatchPairs:
        """As answers by position in the lists: row i of the queries is entry `query_positions[i]` of the query list."""
        queries = np.repeat(query_positions, self.indices.shape[1])
        return MatchPairs(queries, database_positions[self.indices.ravel()], self.scores.ravel())


class TopK:
    """The k highest scores seen so far of each of n queries. Among equal scores the one added first is kept."""

    def __init__(self, queries: int, k: int) -> None:
        self._scores = np.full((queries, k), -np.inf)
        self._indices = np.full((queries, k), -1, dtype=np.int64)

    def add(self, first_query: int, scores: np.ndarray, indices: np.ndarray) -> None:
        """Adds (m, c) scores of the queries from `first_query` on; `indices`: (c,) or (m, c), their database rows."""
        rows = slice(first_query, first_query + len(scores))
        scores = np.concatenate([self._scores[rows], scores], axis=1)
        indices = np.concatenate([self._indices[rows], np.broadcast_to(indices, (len(scores), indices.shape[-1]))], 1)
        best = np.argsort(-scores, axis=1, kind="stable")[:, : self._scores.shape[1]]
        self._scores[rows] = np.take_along_axis(scores, best, axis=1)
        self._indices[rows] = np.take_along_axis(indices, best, axis=1)

    def ranking(self) -> Ranking:
        """What was collected; every query must have been offered at least k images."""
        return Ranking(self._indices, self._scores)
