"""Crops of queries, and how what is found of them is stated for their queries."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from imgfp.detection import region
from imgfp.images import Images
from imgfp.local.store import FeatureSource
from imgfp.pipeline.stages.boxes import Crop
from imgfp.records import Evidence, Pairs


@dataclass(frozen=True)
class QueryCrops:
    """Crops of queries by one set of rules.

    Attributes:
        images: The crops as images.
        crops: By name.
        margin: Added to each side of a box, as a share of that side.
        features: Of the crops; None where there are none, or where only descriptors are wanted.
    """

    images: Images
    crops: dict[str, Crop]
    margin: float
    features: FeatureSource | None = None

    def box(self, name: str) -> tuple[float, float, float, float]:
        """What was cut out: left, top, right, bottom as shares of the query."""
        crop = self.crops[name]
        left, top, right, bottom = region(crop.box, crop.width, crop.height, self.margin)
        return left / crop.width, top / crop.height, right / crop.width, bottom / crop.height

    def of_queries(self, pairs: Pairs) -> Pairs:
        """Pairs of crops as pairs of their queries, each once with its highest score."""
        names = [self.crops[str(name)].image_id for name in pairs.query_ids]
        return each_once([Pairs(np.array(names, dtype=str), pairs.reference_ids, pairs.scores)])

    def in_query(self, item: Evidence) -> Evidence:
        """The evidence of a crop, stated for its query: the box is in the whole of it."""
        crop = self.crops[item.query_id]
        left, top, right, bottom = self.box(crop.name)
        across, down = right - left, bottom - top
        return replace(
            item,
            query_id=crop.image_id,
            part=crop.name,
            left=left + across * item.left,
            right=left + across * item.right,
            top=top + down * item.top,
            bottom=top + down * item.bottom,
        )


@dataclass(frozen=True)
class CropSets:
    """The crops of a search. `finder`: fingerprint of the detector; `voted`: those whose keypoints vote; `described`: those with descriptors."""

    finder: str
    voted: QueryCrops
    described: QueryCrops


def each_once(parts: Iterable[Pairs]) -> Pairs:
    """All pairs, each once with its highest score."""
    best: dict[tuple[str, str], float] = {}
    for part in parts:
        for pair, score in zip(part.id_pairs(), part.scores.tolist(), strict=True):
            best[pair] = max(score, best.get(pair, score))
    return Pairs.of([(*pair, score) for pair, score in best.items()])
