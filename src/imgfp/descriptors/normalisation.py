"""Score normalisation with a background set: the published methods behind one function.

Raw similarities of different queries are not comparable: an image of fog is similar to everything. Each method changes the
descriptors, so that a plain search ranks by normalised scores.
"""

from dataclasses import dataclass

from imgfp.descriptors.normalisation_lyakaap import LyakaapConfig, isolate
from imgfp.descriptors.normalisation_offset import Isc2021Config, MeanConfig, SscdConfig, offsets, with_offsets
from imgfp.descriptors.normalisation_visionforce import VisionForceConfig, stretch
from imgfp.descriptors.topk import search_topk
from imgfp.errors import InputError
from imgfp.records import DescriptorSet, Pairs, require_same_dim

Normalisation = MeanConfig | Isc2021Config | VisionForceConfig | LyakaapConfig | SscdConfig
PLAIN = "none"  # the name of no normalisation
NORMALISATIONS: dict[str, type[Normalisation]] = {
    "mean": MeanConfig,
    "isc2021": Isc2021Config,
    "visionforce": VisionForceConfig,
    "lyakaap": LyakaapConfig,
    "sscd": SscdConfig,
}


@dataclass(frozen=True)
class Normalised:
    """Descriptors that rank by normalised scores when searched with `metric`, "l2" or "cosine" (inner product)."""

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
        background: Descriptors of negative images, such as training photographs.
        config: The method; None: `MeanConfig` with a background, no normalisation without one.

    Raises:
        InputError: the background is missing or too small, or the dimensions differ.
    """
    require_same_dim(query, reference)
    if background is None:
        if config is None:
            return Normalised(query, reference, "l2")
        raise InputError("score normalisation needs a background set: give background=, or set normalisation=none")
    if background.dim != query.dim:
        raise InputError(
            f"query dimension {query.dim} differs from background dimension {background.dim}: extract both with the same encoder"
        )
    if isinstance(config, VisionForceConfig):
        return Normalised(stretch(query, background, config), reference, "l2")
    if isinstance(config, LyakaapConfig):
        return Normalised(*isolate(query, reference, background, config), "l2")
    added = offsets(query, background, config or MeanConfig())
    return Normalised(*with_offsets(query, reference, added), "cosine")


def search_normalised(
    query: DescriptorSet, reference: DescriptorSet, background: DescriptorSet | None, config: Normalisation, k: int
) -> Pairs:
    """The `k` best references of each query by normalised scores.

    Scores are on the scale of inner products: of a method that searches by distance 1 - d^2 / 2, which is the inner product
    of unit vectors.

    Raises:
        InputError: as `normalise`.
    """
    done = normalise(query, reference, background, config)
    found = search_topk(done.query, done.reference, k, metric=done.metric)
    return found if done.metric == "cosine" else Pairs(found.query_ids, found.reference_ids, 1 + found.scores / 2)
