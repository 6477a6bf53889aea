"""imgFp's match score: how many keypoints of a reference have a distinctive counterpart in the query."""

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np

from imgfp.local.features import LocalFeatures, Variant
from imgfp.local.nearest import Bytes, nearest_pair


@dataclass(frozen=True)
class Matches:
    """m matches. `rows`: (m, 2) int64, reference keypoint and query keypoint. `form`: what the reference was compared as."""

    rows: np.ndarray
    form: Variant

    def __len__(self) -> int:
        return len(self.rows)


class Side:
    """One image made ready to be compared with many: its features, and its descriptors in the given forms."""

    def __init__(self, features: LocalFeatures, forms: Sequence[Variant]) -> None:
        self.features = features
        self.bytes = Bytes(features.descriptors, forms)
        rounded = np.rint(features.keypoints[:, :2]).astype(np.int64)  # ties to even, as the original
        self.places = rounded[:, 0] * 2**32 + rounded[:, 1]  # one number for each rounded position


def match(query: Side, reference: Side, ratio: float) -> list[Matches]:
    """Matches of one pair by imgFp's rule, in each form that the two sides were made ready for.

    For each reference keypoint the best and second-best query keypoint; accepted where `ratio` * best < second, both
    squared distances (in float32, as the original). A match that falls on a kept one's rounded position in either image
    is merged with it, the closer one kept. A query of one keypoint has no second-best: every match is accepted.
    imgFp's score is the larger count of the plain and the mirrored form.

    Args:
        query, reference: The two images.
        ratio: On squared distances.
    """
    forms = query.bytes.forms
    if not len(query.features) or not len(reference.features):
        return [Matches(np.zeros((0, 2), np.int64), form) for form in forms]
    found = []
    for form, distances, rows in zip(forms, *nearest_pair(reference.bytes, query.bytes, 2), strict=True):
        best, second = distances.T.astype(np.float32)
        accepted = np.flatnonzero(np.float32(ratio) * best < second)
        kept = _merge(accepted, rows[accepted, 0], distances[accepted, 0], reference.places, query.places)
        found.append(Matches(kept, form))
    return found


@numba.njit(nogil=True, cache=True)
def _merge(references, queries, distances, reference_places, query_places):  # type: ignore[no-untyped-def]
    """Keeps one match a place. A later match that is no farther replaces the kept one; both images' places are tested.

    Every match is compared with every kept one: in vector instructions, which costs less than a table of places.
    """
    kept = np.empty((len(references), 2), dtype=np.int64)
    kept_distances = np.empty(len(references), dtype=np.int32)
    kept_references, kept_queries = np.empty(len(references), np.int64), np.empty(len(references), np.int64)
    count = 0
    for index in range(len(references)):
        reference, query, distance = references[index], queries[index], distances[index]
        reference_place, query_place = reference_places[reference], query_places[query]
        same = 0
        for other in range(count):
            same += (kept_references[other] == reference_place) | (kept_queries[other] == query_place)
        first, last = (0, count) if same else (count, count + 1)
        count = max(count, last)
        for other in range(first, last):
            if same:
                if kept_references[other] != reference_place and kept_queries[other] != query_place:
                    continue
                if distance > kept_distances[other]:
                    continue
            kept[other, 0], kept[other, 1], kept_distances[other] = reference, query, distance
            kept_references[other], kept_queries[other] = reference_place, query_place
    return kept[:count].copy()
