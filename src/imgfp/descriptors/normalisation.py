"""Score normalisation on a background set: the published forms behind one function.

Similarities of different queries cannot be compared as they are: a picture of fog resembles everything. Each form
changes the descriptors, so that one plain search then ranks by normalised scores.
"""

from dataclasses import dataclass

from imgfp.descriptors.normalisation_lyakaap import LyakaapConfig, isolate
from imgfp.descriptors.normalisation_offset import Isc2021Config, MeanConfig, SscdConfig, offsets, with_offsets
from imgfp.descriptors.normalisation_visionforce import VisionForceConfig, stretch
from imgfp.errors import InputError
from imgfp.records import DescriptorSet, require_same_dim

Normalisation = MeanConfig | Isc2021Config | VisionForceConfig | LyakaapConfig | SscdConfig
NORMALISATIONS: dict[str, type[Normalisation]] = {
    "mean": MeanConfig,
    "isc2021": Isc2021Config,
    "visionforce": VisionForceConfig,
    "lyakaap": LyakaapConfig,
    "sscd": SscdConfig,
}


@dataclass(frozen=True)
class Normalised:
    """Descriptors to be searched with `metric`, "l2" or "cosine" (the inner product), to rank by normalised scores."""

    query: DescriptorSet
    reference: DescriptorSet
    metric: str


def normalise(
    query: DescriptorSet,
    reference: DescriptorSet,
    background: DescriptorSet | None = None,
    config: Normalisation | None = None,
) -> Normalised:
    """Makes the scores of different queries comparable.

    Args:
        query: The queries, rows of L2 norm 1.
        reference: The references, rows of L2 norm 1.
        background: Descriptors of pictures known not to be the answer, such as training photographs.
        config: Which form; None: `MeanConfig` with a background, as it is without one.

    Raises:
        InputError: no background, one that is too small, or different dimensions.
    """
    require_same_dim(query, reference)
    if background is None:
        if config is None:
            return Normalised(query, reference, "l2")
        raise InputError("score normalisation needs a background set: give background=, or leave normalisation=none")
    if background.dim != query.dim:
        raise InputError(
            f"query dimension {query.dim} is not the background's {background.dim}: extract with the same encoder"
        )
    if isinstance(config, VisionForceConfig):
        return Normalised(stretch(query, background, config), reference, "l2")
    if isinstance(config, LyakaapConfig):
        return Normalised(*isolate(query, reference, background, config), "l2")
    added = offsets(query, background, config or MeanConfig())
    return Normalised(*with_offsets(query, reference, added), "cosine")
