"""Re-ranks a network's answers by keypoint correspondences that the verified pairs of the whole set support.

Two photographs overlap as far as they show the same points. The inliers of one pair are a noisy count of them: a pair that is
hard to match loses points, a repeated texture adds wrong ones. Other photographs of the place tell both apart. A point of i is
counted as shared with j when at least two chains of verified matches lead from it to the same keypoint of j: the match i-j itself,
or i-k-j through another photograph k. This is the rule of structure from motion that a track must be seen in three photographs.
"""

from collections.abc import Iterable

import numpy as np
from scipy import sparse

from imgfp.mirror.ranking import Ranking

MIN_CHAINS = 2  # of verified matches between two keypoints


def shared_points(count: int, verified: Iterable[tuple[tuple[int, int], np.ndarray]]) -> sparse.csr_matrix:
    """Counts the supported points of every two photographs.

    Memory grows with the number of matches; chains are followed for one photograph at a time.

    Args:
        count: Number of photographs.
        verified: ((first, second), matches) of each verified pair, each pair once in either order: positions of two
            photographs, and (m, 2) keypoint rows of the first and of the second, no keypoint twice.

    Returns:
        (count, count) int64: entry (i, j) is the number of keypoints of i that are supported in j; it is not symmetric. The
        diagonal holds the number of keypoints of i that have any match.
    """
    links = [(*pair, matches.astype(np.int64)) for pair, matches in verified if len(matches)]
    sizes = np.zeros(count, np.int64)
    for first, second, matches in links:
        for photograph, column in ((first, 0), (second, 1)):
            sizes[photograph] = max(sizes[photograph], matches[:, column].max() + 1)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    owner = np.repeat(np.arange(count), sizes)
    ends = [np.stack([starts[a] + matches[:, 0], starts[b] + matches[:, 1]]) for a, b, matches in links]
    one, other = np.concatenate(ends, axis=1) if ends else np.zeros((2, 0), np.int64)
    ones = np.ones(2 * len(one), np.int32)
    nodes = int(starts[-1])
    graph = sparse.csr_matrix(
        (ones, (np.concatenate([one, other]), np.concatenate([other, one]))), shape=(nodes, nodes)
    )
    matched = np.bincount(owner[np.diff(graph.indptr) > 0], minlength=count)
    rows = []
    for i in range(count):
        shared = _supported(graph, starts[i], starts[i + 1], owner, count)
        shared[i] = matched[i]
        rows.append(sparse.csr_matrix(shared))
    return sparse.vstack(rows, format="csr")


def _supported(graph: sparse.csr_matrix, start: int, stop: int, owner: np.ndarray, count: int) -> np.ndarray:
    """(count,) keypoints among start:stop with at least MIN_CHAINS chains to one keypoint of each photograph."""
    matches = graph[start:stop]
    chains = (matches + matches @ graph).tocoo()
    enough = chains.data >= MIN_CHAINS
    reached = np.unique(chains.row[enough].astype(np.int64) * count + owner[chains.col[enough]])
    return np.bincount(reached % count, minlength=count)


def rerank(
    network: Ranking, queries: np.ndarray, database: np.ndarray, points: sparse.csr_matrix, network_weight: float
) -> Ranking:
    """Ranks by log(1 + shared points) + network_weight * similarity.

    The logarithm makes a difference of similarity worth a factor of points, whatever their number. Candidates are the network's
    answers and every photograph with shared points; for one that the network did not list, the query's lowest listed
    similarity counts. At equal scores the network's order decides.

    Args:
        network: Answers of q queries, similarities in -1..1.
        queries: (q,) positions of the queries among the photographs of `points`.
        database: (d,) positions of the database images.
        points: As from `shared_points`.
        network_weight: >= 0.

    Returns:
        As many answers per query as `network` has.
    """
    indices, scores = np.empty_like(network.indices), np.empty_like(network.scores)
    for row, (listed, similarities) in enumerate(zip(network.indices, network.scores, strict=True)):
        shared = points[queries[row]].toarray().ravel()[database]
        unlisted = np.setdiff1d(np.flatnonzero(shared), listed)
        candidates = np.concatenate([listed, unlisted])
        similarity = np.concatenate([similarities, np.full(len(unlisted), similarities.min())])
        score = np.log1p(shared[candidates]) + network_weight * similarity
        best = np.argsort(-score, kind="stable")[: len(listed)]
        indices[row], scores[row] = candidates[best], score[best]
    return Ranking(indices, scores)
