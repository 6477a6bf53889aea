"""Guided matching: with the geometry of a verified pair known, matches that the ratio test alone refuses are found along it.

A keypoint's match must lie on its epipolar line, or near its image by the homography, so only the few keypoints there compete
(Hartley and Zisserman 2004, algorithm 11.4). A mapper needs many points per photograph; selection and scores keep the inliers
of verification.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np

from imgfp.local.features import DESCRIPTOR_SIZE
from imgfp.local.jit import RELAXED, entry
from imgfp.local.store import FeatureSource
from imgfp.pipeline.pairs.verify import Photograph, PreparedPhotographs, TwoView, VerifyConfig
from imgfp.progress import track
from imgfp.threads import thread_count

_FARTHEST = (0.7 * 255) ** 2  # squared distance of a match at most; descriptors have the norm 255. COLMAP's 0.7
_RATIO = 0.75  # Lowe's: stricter than among all keypoints, since the second nearest of few is far away by chance
_BATCH = 256  # pairs at a time, as many photographs as are held
_NO_DISTANCE = 2**31 - 1

Verified = tuple[tuple[int, int], TwoView]


def guided_pairs(
    features: FeatureSource, verified: Iterable[Verified], count: int, config: VerifyConfig | None = None
) -> Iterator[Verified]:
    """Yields verified pairs with the matches along their geometry, where these are more than the inliers.

    Args:
        features: Local features of the photographs.
        verified: ((first, second), what verification found) of each pair; a batch of them is in memory.
        count: Their number.
        config: The settings of the verification; None: the defaults.
    """
    settings = config or VerifyConfig()
    photographs, rest = PreparedPhotographs(features), iter(verified)

    def guided(item: Verified) -> Verified:
        pair, found = item
        matches = guided_matches(photographs.get(pair[0]), photographs.get(pair[1]), found, settings)
        return pair, found if len(matches) <= found.inliers else TwoView(matches, found.planar, found.model)

    with ThreadPoolExecutor(thread_count()) as pool:
        for _ in track(range(0, count, _BATCH), count, "guided matching", "pairs", _BATCH):
            yield from pool.map(guided, islice(rest, _BATCH))


def guided_matches(first: Photograph, second: Photograph, found: TwoView, config: VerifyConfig) -> np.ndarray:
    """(m, 2) int32 keypoints that are nearest to each other among those that agree with `found.model`, and pass the ratio test."""
    if found.model is None or not len(first.points) or not len(second.points):
        return found.matches
    longer = max(first.longer, second.longer)
    one, other = (np.c_[points, np.ones(len(points))] for points in (first.points, second.points))
    there, back = one @ found.model.T, other @ found.model  # epipolar lines, or the first photograph's points projected
    tolerance = (config.homography_error if found.planar else config.epipolar_error) * longer
    with np.errstate(divide="ignore", invalid="ignore"):
        if found.planar:
            there /= there[:, 2:]
            limits = np.full(len(other), tolerance)
        else:
            norms = np.linalg.norm(there[:, :2], axis=1, keepdims=True)
            there, limits = there / norms, tolerance * np.linalg.norm(back[:, :2], axis=1)
    best, nearest, backward = _nearest_along(
        there.astype(np.float32),
        (np.ones(len(one)) if found.planar else 1 / norms[:, 0]).astype(np.float32),
        np.ascontiguousarray(second.points.T, np.float32),
        limits.astype(np.float32),
        np.float32(tolerance),
        found.planar,
        first.descriptors,
        second.descriptors,
    )
    limit = np.minimum(_FARTHEST, _RATIO**2 * best[:, 1])
    kept = np.flatnonzero((nearest >= 0) & (best[:, 0] < limit))
    kept = kept[backward[nearest[kept]] == kept]
    return np.stack([kept, nearest[kept]], axis=1).astype(np.int32)


@entry(fastmath=RELAXED)
def _nearest_along(there, scales, points, limits, tolerance, planar, descriptors, others):  # type: ignore[no-untyped-def]
    """Each keypoint's two smallest squared distances among those along its line, the nearest (-1: none), and the other way round.

    A keypoint of the second photograph is along the line (unit normal) if it is within `tolerance` of it, and within
    `limits * scale`, which says the same of its own line in the first photograph.
    """
    count, other_count = len(there), points.shape[1]
    best = np.full((count, 2), _NO_DISTANCE, np.int64)
    nearest = np.full(count, -1, np.int64)
    other_best = np.full(other_count, _NO_DISTANCE, np.int64)
    backward = np.full(other_count, -1, np.int64)
    inside = np.empty(other_count, np.bool_)
    x, y = points[0], points[1]
    for row in range(count):
        a, b, c, scale = there[row, 0], there[row, 1], there[row, 2], scales[row]
        for column in range(other_count):
            if planar:
                inside[column] = (a - x[column]) ** 2 + (b - y[column]) ** 2 < tolerance * tolerance
            else:
                inside[column] = abs(a * x[column] + b * y[column] + c) < min(tolerance, limits[column] * scale)
        for column in range(other_count):
            if not inside[column]:
                continue
            distance = np.int32(0)
            for place in range(DESCRIPTOR_SIZE):
                difference = np.int32(descriptors[row, place]) - np.int32(others[column, place])
                distance += difference * difference
            if distance < best[row, 0]:
                best[row, 1] = best[row, 0]
                best[row, 0], nearest[row] = distance, column
            elif distance < best[row, 1]:
                best[row, 1] = distance
            if distance < other_best[column]:
                other_best[column], backward[column] = distance, row
    return best, nearest, backward
