"""VisionForce's score normalisation: a query that resembles the background is stretched away from every reference.

Source: its Test/descriptor_stretching.py and .sh. For a unit reference the squared distance to the query q scaled by c
is c^2 + 1 - 2 c (q . r): the larger c, the farther everything. Dimensions stay as they are, and so does the L2 search.
"""

from dataclasses import dataclass

import numpy as np

from imgfp.descriptors.topk import background_similarities
from imgfp.errors import InputError
from imgfp.records import DescriptorSet


@dataclass(frozen=True)
class VisionForceConfig:
    """Query times -`factor` times a measure of its `neighbours` highest background similarities."""

    neighbours: int = 5
    factor: float = -2.5  # negative, as in the published script
    reduction: str = "avg"  # their mean; "min": the lowest of them

    def __post_init__(self) -> None:
        if self.neighbours < 1:
            raise InputError(f"normalisation.visionforce.neighbours={self.neighbours}: give 1 or more")
        if self.reduction not in ("avg", "min"):
            raise InputError(f"normalisation.visionforce.reduction={self.reduction!r}: give one of avg, min")


def stretch(query: DescriptorSet, background: DescriptorSet, config: VisionForceConfig) -> DescriptorSet:
    """The queries, each scaled; see the module.

    Raises:
        InputError: the background is too small or of another dimension.
    """
    ranked = background_similarities(query, background, config.neighbours)
    norms = -(ranked.mean(axis=1) if config.reduction == "avg" else ranked[:, -1])
    return DescriptorSet(query.ids, query.matrix * norms[:, None] * np.float32(config.factor))
