"""Query expansion: a query's regions plus those of its best answers, weighted by their scores."""

import numpy as np

from imgfp.mirror.ranking import Ranking
from imgfp.mirror.similarity import normalise


def expand_queries(queries: np.ndarray, database: np.ndarray, ranking: Ranking, k: int) -> np.ndarray:
    """Adds to each region of a query the same regions of its first k answers, times their scores, and normalises.

    Args:
        queries: (queries, regions, dim) float32, the original queries in every round.
        database: (images, regions, dim) float32.
        ranking: Answers of the queries; distances weigh as they are, as in the original code.
        k: Answers that are added; all, where the ranking has fewer.
    """
    expanded = np.empty_like(queries)
    for row, query in enumerate(queries):
        found = database[ranking.indices[row, :k]].astype(np.float64)
        expanded[row] = normalise(query + np.tensordot(ranking.scores[row, :k], found, axes=1))
    return expanded
