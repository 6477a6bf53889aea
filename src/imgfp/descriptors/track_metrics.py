"""Descriptors judged as the challenge's descriptor track judges them."""

import numpy as np

from imgfp.descriptors.capped_search import PER_QUERY, range_search
from imgfp.descriptors.normalisation import Normalisation, normalise
from imgfp.descriptors.topk import search_topk
from imgfp.errors import InputError
from imgfp.metrics import IscMetrics, evaluate
from imgfp.records import DescriptorSet, GroundTruth, Pairs

CAPS = ("global", "query")


def judge_descriptors(
    query: DescriptorSet,
    reference: DescriptorSet,
    truth: GroundTruth,
    background: DescriptorSet | None = None,
    normalisation: Normalisation | None = None,
) -> IscMetrics:
    """The official figures of a set of descriptors, with a background after score normalisation; see `rank`.

    All figures come from the same pairs. The cap is global, so a query none of whose answers is among the best of all
    has no answer: recall@1 and recall@10 here may be lower than those of a search that answers every query.
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
    """The best pairs of the queries that the ground truth lists.

    Args:
        query: Queries; those that the ground truth does not list are left out, as the official script does.
        reference: References.
        truth: Which queries count. One without a descriptor has no answer.
        background: Normalises the scores.
        normalisation: How it does; None: minus the mean of the query's top-3 similarities to it.
        per_query: Results a query.
        cap: "global": the challenge's rule, `per_query` times as many pairs as the ground truth lists queries, the best
            of all; "query": the `per_query` best of each query.

    Raises:
        InputError: none of the queries is listed, another `cap`, or as `normalise` and `range_search`.
    """
    if cap not in CAPS:
        raise InputError(f"cap={cap!r}: give one of {', '.join(CAPS)}")
    if per_query < 1:
        raise InputError(f"answers={per_query}: give 1 or more")
    listed = np.isin(query.ids, truth.queries)
    if not listed.any():
        raise InputError(
            f"none of the {len(query)} queries is among the {len(truth.queries)} of the ground truth "
            f"({_first(query.ids)} and {_first(truth.queries)}, say): give descriptors and ground truth of one set"
        )
    made = normalise(DescriptorSet(query.ids[listed], query.matrix[listed]), reference, background, normalisation)
    if cap == "query":
        return search_topk(made.query, made.reference, per_query, metric=made.metric)
    return range_search(made.query, made.reference, metric=made.metric, total=per_query * len(truth.queries))


def _first(ids: np.ndarray) -> str:
    return repr(str(ids[0])) if len(ids) else "none"
