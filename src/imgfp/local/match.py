"""imgFp's match score: how many keypoints of a reference have a distinctive counterpart in the query."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imgfp.local.features import LocalFeatures, Transform
from imgfp.local.index.nearest import PreparedDescriptors, nearest_pair
from imgfp.local.jit import entry


@dataclass(frozen=True)
class Matches:
    """m matches. `rows`: (m, 2) int64, reference keypoint and query keypoint. `transform`: what the reference was compared as."""

    rows: np.ndarray
    transform: Transform

    def __len__(self) -> int:
        return len(self.rows)


class MatchInput:
    """One image made ready to be compared with many: its features, and its descriptors in the given transforms."""

    def __init__(self, features: LocalFeatures, transforms: Sequence[Transform]) -> None:
        self.features = features
        self.transforms = tuple(transforms)
        self.views = [PreparedDescriptors(features.descriptors[rows], transforms) for rows in features.view_rows]
        rounded = np.rint(features.keypoints[:, :2]).astype(np.int64)  # ties to even, as the original
        self.places = rounded[:, 0] * 2**32 + rounded[:, 1]  # one number for each rounded position


def match(query: MatchInput, reference: MatchInput, ratio: float) -> list[Matches]:
    """Matches of one pair by imgFp's rule, in each transform that the two sides were made ready for.

    For each reference keypoint the best and second-best query keypoint; accepted where `ratio` * best < second, both
    squared distances (in float32, as the original). A match that falls on a kept one's rounded position in either image
    is merged with it, the closer one kept. A query of one keypoint has no second-best: every match is accepted.
    imgFp's score is the larger count of the plain and the mirrored transform.

    Each view of the query is matched by itself, for a keypoint looks alike in all of them; the matches are merged together.

    Args:
        query: In any number of views.
        reference: In one view.
        ratio: On squared distances.
    """
    if not len(query.features) or not len(reference.features):
        return [Matches(np.zeros((0, 2), np.int64), transform) for transform in query.transforms]
    views = [nearest_pair(reference.views[0], view, 2) for view in query.views]
    firsts = [rows.start for rows in query.features.view_rows]
    found = []
    for number, transform in enumerate(query.transforms):
        parts = []
        for first, (distances, rows) in zip(firsts, views, strict=True):
            best, second = distances[number].T.astype(np.float32)
            accepted = np.flatnonzero((np.float32(ratio) * best < second) & (rows[number, :, 0] >= 0))
            parts.append((accepted, rows[number, accepted, 0] + first, distances[number, accepted, 0]))
        rows_of, columns_of, lengths = (np.concatenate(items) for items in zip(*parts, strict=True))
        found.append(Matches(_merge(rows_of, columns_of, lengths, reference.places, query.places), transform))
    return found


@entry()
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
