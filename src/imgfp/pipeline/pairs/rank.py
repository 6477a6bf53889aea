"""Which photographs look alike to the network: scored candidate pairs from regional features."""

from collections.abc import Iterable

import numpy as np

from imgfp.mirror.region_features import RegionFeatures
from imgfp.mirror.select import Candidates
from imgfp.mirror.similarity import SimilarityConfig, search, vectors_of
from imgfp.mirror.two_stage import needs_two_stages, two_stage_search
from imgfp.mirror.whitening import PACKAGED, Whitening

_ALL = 1000  # up to this many photographs every pair is a candidate
_PLACES = 200  # beyond, this many per photograph at least, so memory grows with their number, not its square


def candidate_pairs(
    shards: Iterable[RegionFeatures], ids: tuple[str, ...], top: int, mutual: bool, min_score: float | None
) -> Candidates:
    """Scores pairs by PR-MAC of regions that the packaged whitening has whitened.

    Args:
        shards: Regions of the photographs, some at a time. All whitened ones are in memory: 36 KB per photograph with 35 regions
            of 256 dimensions; the scored pairs take about 30 KB more. A photograph without regions is in no pair.
        ids: The photographs, in the order of the positions in the result.
        top: Pairs per photograph that are wanted in the end: `mutual` looks at this many places.
        mutual, min_score: See `Candidates.of`.
    """
    row_of = {image_id: row for row, image_id in enumerate(ids)}
    whitening, compared = Whitening.load(PACKAGED), SimilarityConfig()
    known: list[int] = []
    buffer = np.empty((0, 0, 0), np.float32)
    for shard in shards:
        rows = [row for row, image_id in enumerate(shard.ids) if image_id in row_of]
        if not rows:
            continue
        whitened = whitening.apply(vectors_of(shard.values[rows], compared))
        if not known:
            buffer = np.empty((len(ids), *whitened.shape[1:]), np.float32)
        buffer[len(known) : len(known) + len(rows)] = whitened
        known += [row_of[shard.ids[row]] for row in rows]
    values, places_of = buffer[: len(known)], np.array(known, np.int64)
    places = len(values) if len(values) <= _ALL else max(_PLACES, 5 * top)
    if mutual:
        places = min(places, top + 1)  # each is its own nearest
    if needs_two_stages(len(values), values, places, compared):
        ranking = two_stage_search(None, values, places)
    else:
        ranking = search(None, values, places, compared)
    neighbours = np.full((len(ids), ranking.indices.shape[1]), -1, np.int64)
    scores = np.zeros(neighbours.shape)
    neighbours[places_of], scores[places_of] = places_of[ranking.indices], ranking.scores
    return Candidates.of(neighbours, scores, mutual, min_score)
