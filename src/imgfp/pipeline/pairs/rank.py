"""Which photographs look alike to the network: scored candidate pairs from regional features."""

import numpy as np

from imgfp.mirror.query import PACKAGE, QueryConfig, WhiteningConfig, query
from imgfp.mirror.region_features import RegionFeatures
from imgfp.mirror.select import Candidates

_ALL = 1000  # up to this many photographs every pair is a candidate
_PLACES = 200  # beyond, this many per photograph at least, so memory grows with their number, not its square


def candidate_pairs(
    regions: RegionFeatures, ids: tuple[str, ...], top: int, mutual: bool, min_score: float | None
) -> Candidates:
    """Scores pairs by PR-MAC of whitened regions.

    Args:
        regions: Of the photographs; one without regions is in no pair.
        ids: The photographs, in the order of the positions in the result.
        top: Pairs per photograph that are wanted in the end: `mutual` looks at this many places.
        mutual, min_score: See `Candidates.of`.
    """
    row_of = {image_id: row for row, image_id in enumerate(ids)}
    known = np.array([row_of.get(image_id, -1) for image_id in regions.ids])
    values = regions.values[known >= 0]
    known = known[known >= 0]
    places = len(values) if len(values) <= _ALL else max(_PLACES, 5 * top)
    if mutual:
        places = min(places, top + 1)  # each is its own nearest
    ranking = query(values, None, QueryConfig(top=places, whitening=WhiteningConfig(fit_on=PACKAGE))).ranking
    neighbours = np.full((len(ids), ranking.indices.shape[1]), -1, np.int64)
    scores = np.zeros(neighbours.shape)
    neighbours[known], scores[known] = known[ranking.indices], ranking.scores
    return Candidates.of(neighbours, scores, mutual, min_score)
