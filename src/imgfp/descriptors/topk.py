"""Top-k search with global descriptors, and score normalisation with a background set."""

from dataclasses import dataclass

import numpy as np

from imgfp.errors import InputError
from imgfp.records import DescriptorSet, Pairs, require_same_dim

BACKGROUND_NEIGHBOURS = 3
METRICS = ("cosine", "l2")


@dataclass(frozen=True)
class TopkConfig:
    """Selection of global candidates."""

    k: int = 10  # references per query; imgFp used 1


def search_topk(
    query: DescriptorSet,
    reference: DescriptorSet,
    k: int,
    background: DescriptorSet | None = None,
    metric: str = "cosine",
) -> Pairs:
    """The `k` most similar references of each query, best first; all of them if there are fewer.

    Score = inner product (`metric` "cosine", for unit vectors) or negative squared distance ("l2"). With a background set
    of negative images, the mean of the query's top-3 similarities to it is subtracted: a query that is similar to
    everything gets lower scores. The dense query x reference matrix is never built: faiss works in blocks.

    Raises:
        InputError: the dimensions differ, the metric is unknown, or `k` is not positive.
    """
    similarities, rows = nearest(query, reference, k, metric)
    if background is not None:
        similarities = similarities - background_offset(query, background)[:, None]
    found = rows >= 0
    query_rows = np.broadcast_to(np.arange(len(query))[:, None], rows.shape)[found]
    return Pairs(query.ids[query_rows], reference.ids[rows[found]], similarities[found].astype(np.float64))


def background_offset(query: DescriptorSet, background: DescriptorSet) -> np.ndarray:
    """(n,) float32: the mean of each query's top-3 similarities to the background (of all if it has fewer)."""
    neighbours = min(BACKGROUND_NEIGHBOURS, max(len(background), 1))
    return background_similarities(query, background, neighbours).mean(axis=1)


def background_similarities(query: DescriptorSet, background: DescriptorSet, neighbours: int) -> np.ndarray:
    """(n, `neighbours`) float32: each query's highest inner products with the background, best first.

    Raises:
        InputError: the background has fewer than `neighbours` descriptors.
    """
    require_enough(background, neighbours)
    return nearest(query, background, neighbours)[0]


def require_enough(background: DescriptorSet, neighbours: int) -> None:
    """Raises InputError unless the background set has at least `neighbours` descriptors."""
    if not len(background):
        raise InputError("the background set has no descriptors: give a folder with readable images")
    if len(background) < neighbours:
        raise InputError(
            f"the background set has {len(background)} descriptors, fewer than {neighbours} neighbours: use a larger set"
        )


def nearest(
    query: DescriptorSet, reference: DescriptorSet, k: int, metric: str = "cosine"
) -> tuple[np.ndarray, np.ndarray]:
    """The scores and rows of each query's most similar references, best first.

    Returns:
        (n, k) float32 scores and (n, k) int64 rows of `reference`, with k at most the number of references.
    """
    from imgfp.faiss_loader import faiss

    require_same_dim(query, reference)
    require_metric(metric)
    if k < 1:
        raise InputError(f"topk.k={k}: must be >= 1")
    k = min(k, len(reference))
    if not len(query) or not k:
        return np.zeros((len(query), k), np.float32), np.zeros((len(query), k), np.int64)
    if metric == "l2":
        distances, rows = faiss.knn(query.matrix, reference.matrix, k, metric=faiss.METRIC_L2)
        return -distances, rows
    return faiss.knn(query.matrix, reference.matrix, k, metric=faiss.METRIC_INNER_PRODUCT)


def require_metric(metric: str) -> None:
    """Raises InputError unless `metric` is "cosine" (inner product) or "l2" (negative squared distance)."""
    if metric not in METRICS:
        raise InputError(f"metric={metric!r}: must be one of {', '.join(METRICS)}")
