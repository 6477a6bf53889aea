"""The descriptor track's search: one ranking over all queries, capped at ten results per query on average.

Protocol: the challenge's evaluation script (search_with_capped_res). One query may get many results and another none.
"""

import numpy as np

from imgfp.descriptors.topk import require_metric
from imgfp.errors import InputError
from imgfp.records import DescriptorSet, Pairs, require_same_dim

PER_QUERY = 10
QUERY_BLOCK, REFERENCE_BLOCK = 1024, 1024  # size of the distance blocks between updates of the threshold


def range_search(
    query: DescriptorSet,
    reference: DescriptorSet,
    per_query: int = PER_QUERY,
    metric: str = "l2",
    total: int | None = None,
) -> Pairs:
    """The best pairs over all queries, grouped by query, best first within a query.

    Score = negative squared distance (`metric` "l2") or inner product ("cosine"). The dense query x reference matrix is
    never built: blocks of queries and references are compared, and only pairs that beat the worst of the best so far are
    kept, so memory is bounded by twice the cap plus one block. Among ties at the cap the first pairs found are kept.

    Args:
        query: The queries; the challenge searches only those that the ground truth lists.
        reference: The references.
        per_query: The cap is `per_query` times the number of queries.
        metric: "l2" or "cosine".
        total: A cap that replaces `per_query`, such as isc2021's --max_results.

    Raises:
        InputError: the dimensions differ, the metric is unknown, or the cap is below 1.
    """
    from imgfp.faiss_loader import faiss

    require_same_dim(query, reference)
    require_metric(metric)
    cap = per_query * len(query) if total is None else total
    if len(query) and cap < 1:
        raise InputError(f"the cap is {cap} pairs: per_query and total must be >= 1")
    best = _BestPairs(cap, smaller=metric == "l2")
    for top in range(0, len(reference), REFERENCE_BLOCK):
        index = faiss.IndexFlat(query.dim, faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT)
        index.add(reference.matrix[top : top + REFERENCE_BLOCK])
        for left in range(0, len(query), QUERY_BLOCK):
            limits, values, columns = index.range_search(query.matrix[left : left + QUERY_BLOCK], best.radius)
            rows = np.repeat(np.arange(left, left + len(limits) - 1), np.diff(limits).astype(np.int64))
            best.add(values, rows, columns + top)
    values, rows, columns = best.finish()
    scores = -values.astype(np.float64) if metric == "l2" else values.astype(np.float64)
    order = np.lexsort((columns, -scores, rows))
    return Pairs(query.ids[rows[order]], reference.ids[columns[order]], scores[order])


class _BestPairs:
    """The `cap` best pairs added so far. `radius`: the value that a new pair must beat."""

    def __init__(self, cap: int, smaller: bool) -> None:
        self._cap, self._smaller = cap, smaller
        self.radius = float(np.finfo(np.float32).max) * (1 if smaller else -1)
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._count = 0

    def add(self, values: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> None:
        """Adds (k,) float32 values with their query rows and reference rows."""
        if len(values):
            self._parts.append((values, rows.astype(np.int32), columns.astype(np.int32)))
            self._count += len(values)
        if self._count > 2 * self._cap:
            self._truncate()

    def finish(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The best values, their query rows and their reference rows, in insertion order."""
        self._truncate()
        return self._parts[0]

    def _truncate(self) -> None:
        empty = (np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(0, np.int32))
        values, rows, columns = (np.concatenate(each) for each in zip(empty, *self._parts, strict=True))
        if len(values) > self._cap:
            keys = values if self._smaller else -values
            worst = np.partition(keys, self._cap - 1)[self._cap - 1]
            kept = keys < worst
            ties = np.flatnonzero(keys == worst)[: self._cap - int(kept.sum())]
            kept[ties] = True
            values, rows, columns = values[kept], rows[kept], columns[kept]
        if len(values) == self._cap > 0:  # below the cap every pair is accepted
            self.radius = float(values.max() if self._smaller else values.min())
        self._parts, self._count = [(values, rows, columns)], len(values)
