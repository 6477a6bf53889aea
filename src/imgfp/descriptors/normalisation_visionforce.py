"""VisionForce's score normalisation (descriptor stretching): a query similar to the background moves away from all references.

Source: Test/descriptor_stretching.py and .sh of its repository. For a unit reference r the squared distance to the query q
scaled by c is c^2 + 1 - 2 c (q . r): the larger c, the larger all distances. Dimension and L2 search stay the same.
"""

from dataclasses import dataclass

import numpy as np

from imgfp.descriptors.topk import background_similarities
from imgfp.errors import InputError
from imgfp.records import DescriptorSet


@dataclass(frozen=True)
class VisionForceConfig:
    """Scales each query by -`factor` times the mean or minimum of its `neighbours` highest background similarities."""

    neighbours: int = 5
    factor: float = -2.5  # negative, as in the published script
    reduction: str = "avg"  # "avg" or "min"

    def __post_init__(self) -> None:
        if self.neighbours < 1:
            raise InputError(f"normalisation.visionforce.neighbours={self.neighbours}: must be >= 1")
        if self.reduction not in ("avg", "min"):
            raise InputError(f"normalisation.visionforce.reduction={self.reduction!r}: must be one of avg, min")


def stretch(query: DescriptorSet, background: DescriptorSet, config: VisionForceConfig) -> DescriptorSet:
    """Scales the queries; see the module docstring.

    Raises:
        InputError: the background is too small or of a different dimension.
    """
    ranked = background_similarities(query, background, config.neighbours)
    norms = -(ranked.mean(axis=1) if config.reduction == "avg" else ranked[:, -1])
    return DescriptorSet(query.ids, query.matrix * norms[:, None] * np.float32(config.factor))
