"""imgFp's match score: the number of reference keypoints with a distinctive match in the query."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imgfp.local.features import LocalFeatures, Transform
from imgfp.local.index.nearest import PreparedDescriptors, nearest_pair
from imgfp.local.jit import entry


@dataclass(frozen=True)
class Matches:
    """m matches. `rows`: (m, 2) int64, reference keypoint and query keypoint. `transform`: the transform that was compared."""

    rows: np.ndarray
    transform: Transform

    def __len__(self) -> int:
        return len(self.rows)


class MatchInput:
    """One image prepared for matching with many others: its features, and its descriptors in the given transforms."""

    def __init__(self, features: LocalFeatures, transforms: Sequence[Transform]) -> None:
        self.features = features
        self.transforms = tuple(transforms)
        self.views = [PreparedDescriptors(features.descriptors[rows], transforms) for rows in features.view_rows]
        rounded = np.rint(features.keypoints[:, :2]).astype(np.int64)  # half to even, as in the original
        self.positions = rounded[:, 0] * 2**32 + rounded[:, 1]  # one integer per rounded position


def match(query: MatchInput, reference: MatchInput, ratio: float) -> list[Matches]:
    """Matches one pair by imgFp's rule, in each transform that both images were prepared for.

    For each reference keypoint the nearest and second-nearest query keypoint are found; the match is accepted if `ratio` *
    nearest < second, with squared distances (in float32, as in the original). Matches with the same rounded position in
    either image are merged and the closer one is kept. A query with one keypoint has no second neighbour: every match is
    accepted. imgFp's score is the larger number of matches of the plain and the mirrored transform.

    Each view of the query is matched separately, because a keypoint looks similar in all views; the matches are then merged.

    Args:
        query: With any number of views.
        reference: With one view.
        ratio: For squared distances: the inverse square of Lowe's ratio.
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
        found.append(Matches(_merge(rows_of, columns_of, lengths, reference.positions, query.positions), transform))
    return found


@entry()
def _merge(references, queries, distances, reference_positions, query_positions):  # type: ignore[no-untyped-def]
    """Keeps one match per position in each image. A later match replaces the kept one unless its distance is larger.

    Every match is compared with every kept one: vectorised, this is faster than a hash table of positions.
    """
    kept = np.empty((len(references), 2), dtype=np.int64)
    kept_distances = np.empty(len(references), dtype=np.int32)
    kept_references, kept_queries = np.empty(len(references), np.int64), np.empty(len(references), np.int64)
    count = 0
    for index in range(len(references)):
        reference, query, distance = references[index], queries[index], distances[index]
        reference_position, query_position = reference_positions[reference], query_positions[query]
        same = 0
        for other in range(count):
            same += (kept_references[other] == reference_position) | (kept_queries[other] == query_position)
        first, last = (0, count) if same else (count, count + 1)
        count = max(count, last)
        for other in range(first, last):
            if same:
                if kept_references[other] != reference_position and kept_queries[other] != query_position:
                    continue
                if distance > kept_distances[other]:
                    continue
            kept[other, 0], kept[other, 1], kept_distances[other] = reference, query, distance
            kept_references[other], kept_queries[other] = reference_position, query_position
    return kept[:count].copy()
