"""Global descriptors: encoding, search, score normalisation."""

from imgfp.descriptors.capped_search import range_search
from imgfp.descriptors.encode import encode_images
from imgfp.descriptors.normalisation import (
    NORMALISATIONS,
    PLAIN,
    Normalisation,
    Normalised,
    normalise,
    search_normalised,
)
from imgfp.descriptors.projection import Projection, fit_projection
from imgfp.descriptors.topk import TopkConfig, search_topk
from imgfp.descriptors.track_metrics import evaluate_descriptors, rank

__all__ = [
    "NORMALISATIONS",
    "PLAIN",
    "Normalisation",
    "Normalised",
    "Projection",
    "TopkConfig",
    "encode_images",
    "evaluate_descriptors",
    "fit_projection",
    "normalise",
    "range_search",
    "rank",
    "search_normalised",
    "search_topk",
]
