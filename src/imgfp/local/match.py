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
        self.forms = tuple(forms)
        self.views = [Bytes(features.descriptors[rows], forms) for rows in features.view_rows]
        self.rounded = np.rint(features.keypoints[:, :2]).astype(np.int64)  # ties to even, as the original


def match(query: Side, reference: Side, ratio: float) -> list[Matches]:
    """Matches of one pair by imgFp's rule, in each form that the two sides were made ready for.

    For each reference keypoint the best and second-best query keypoint; accepted where `ratio` * best < second, both
    squared distances (in float32, as the original). A match that falls on a kept one's rounded position in either image
    is merged with it, the closer one kept. A query of one keypoint has no second-best: every match is accepted.
    imgFp's score is the larger count of the plain and the mirrored form.

    Each view of the query is matched by itself, for a keypoint looks alike in all of them; the matches are merged together.

    Args:
        query: In any number of views.
        reference: In one view.
        ratio: On squared distances.
    """
    if not len(query.features) or not len(reference.features):
        return [Matches(np.zeros((0, 2), np.int64), form) for form in query.forms]
    views = [nearest_pair(reference.views[0], view, 2) for view in query.views]
    firsts = [rows.start for rows in query.features.view_rows]
    found = []
    for number, form in enumerate(query.forms):
        parts = []
        for first, (distances, rows) in zip(firsts, views, strict=True):
            best, second = distances[number].T.astype(np.float32)
            accepted = np.flatnonzero((np.float32(ratio) * best < second) & (rows[number, :, 0] >= 0))
            parts.append((accepted, rows[number, accepted, 0] + first, distances[number, accepted, 0]))
        rows_of, columns_of, lengths = (np.concatenate(items) for items in zip(*parts, strict=True))
        found.append(Matches(_merge(rows_of, columns_of, lengths, reference.rounded, query.rounded), form))
    return found


@numba.njit(nogil=True, cache=True)
def _merge(references, queries, distances, reference_places, query_places):  # type: ignore[no-untyped-def]
    """Keeps one match a place. A later match that is no farther replaces the kept one; both images' places are tested."""
    kept = np.empty((len(references), 2), dtype=np.int64)
    kept_distances = np.empty(len(references), dtype=np.int32)
    count = 0
    for index in range(len(references)):
        reference, query, distance = references[index], queries[index], distances[index]
        merged = False
        for other in range(count):
            for side in range(2):
                if side == 0:
                    a, b = reference_places[reference], reference_places[kept[other, 0]]
                else:
                    a, b = query_places[query], query_places[kept[other, 1]]
                if a[0] == b[0] and a[1] == b[1]:
                    merged = True
                    if distance <= kept_distances[other]:
                        kept[other, 0], kept[other, 1] = reference, query
                        kept_distances[other] = distance
        if not merged:
            kept[count, 0], kept[count, 1] = reference, query
            kept_distances[count] = distance
            count += 1
    return kept[:count].copy()
