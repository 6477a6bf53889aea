"""Evaluation of descriptors by the rules of the challenge's descriptor track."""

import numpy as np

from imgfp.descriptors.capped_search import PER_QUERY, range_search
from imgfp.descriptors.normalisation import Normalisation, normalise
from imgfp.descriptors.topk import search_topk
from imgfp.errors import InputError
from imgfp.metrics import IscMetrics, evaluate
from imgfp.records import DescriptorSet, GroundTruth, Pairs

CAPS = ("global", "query")


def evaluate_descriptors(
    query: DescriptorSet,
    reference: DescriptorSet,
    truth: GroundTruth,
    background: DescriptorSet | None = None,
    normalisation: Normalisation | None = None,
) -> IscMetrics:
    """The official metrics of a descriptor set, with score normalisation if a background is given; see `rank`.

    All metrics are computed from the same pairs. The cap is global, so a query without any pair among the best overall has
    no prediction: recall@1 and recall@10 may be lower than for a search with a fixed k per query.
    """
    return evaluate(rank(query, reference, truth, background, normalisation), truth)


def rank(
    query: DescriptorSet,
    reference: DescriptorSet,
    truth: GroundTruth,
    background: DescriptorSet | None = None,
    normalisation: Normalisation | None = None,
    per_query: int = PER_QUERY,
    cap: str = "global",
) -> Pairs:
    """The best pairs of the queries in the ground truth.

    Args:
        query: Queries; those that are not in the ground truth are dropped, as in the official script.
        reference: References.
        truth: The queries to evaluate. A query without a descriptor has no prediction.
        background: Negative images for score normalisation.
        normalisation: The method; None: minus the mean of the query's top-3 similarities to the background.
        per_query: Results per query.
        cap: "global": the challenge's rule, the `per_query` x (queries in the ground truth) best pairs overall; "query":
            the `per_query` best pairs of each query.

    Raises:
        InputError: no query is in the ground truth, an unknown `cap`, or as `normalise` and `range_search`.
    """
    if cap not in CAPS:
        raise InputError(f"cap={cap!r}: must be one of {', '.join(CAPS)}")
    if per_query < 1:
        raise InputError(f"answers={per_query}: must be >= 1")
    listed = np.isin(query.ids, truth.queries)
    if not listed.any():
        raise InputError(
            f"none of the {len(query)} queries is among the {len(truth.queries)} of the ground truth "
            f"(first ids {_first(query.ids)} and {_first(truth.queries)}): give descriptors and ground truth of the same set"
        )
    done = normalise(DescriptorSet(query.ids[listed], query.matrix[listed]), reference, background, normalisation)
    if cap == "query":
        return search_topk(done.query, done.reference, per_query, metric=done.metric)
    return range_search(done.query, done.reference, metric=done.metric, total=per_query * len(truth.queries))


def _first(ids: np.ndarray) -> str:
    return repr(str(ids[0])) if len(ids) else "none"
