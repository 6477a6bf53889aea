"""Validates a network during training: the challenge's descriptor track on a DISC-shaped set."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np

from imgfp.descriptors import encode_images, evaluate_descriptors
from imgfp.encoders import Encoder, Network, encoder_from_network
from imgfp.errors import InputError
from imgfp.images import Failure, ImageList
from imgfp.learning.artifacts import Diverged
from imgfp.progress import track
from imgfp.records import DescriptorSet, GroundTruth

_CHUNK = 256  # images per update of the progress line; whole batches


@dataclass(frozen=True)
class JudgedSet:
    """A validation set. `background`: training photographs for score normalisation, or None."""

    name: str
    digest: str
    queries: ImageList
    references: ImageList
    truth: GroundTruth
    background: ImageList | None


def validate(
    network: Network, judged: JudgedSet, size: int, precision: AbstractContextManager[None] | None = None
) -> tuple[dict[str, float | None], list[Failure]]:
    """The figures of the descriptor track, with a background again under `normalised/` after score normalisation.

    At most 10 results per query on average, L2. Score normalisation subtracts the mean of each query's highest
    similarities to the background. An image that cannot be read is missing: it has no results and is in none.
    `precision`: descriptors are computed within it; None: as they are outside a training.

    Returns:
        The figures by name, and the images that could not be read.

    Raises:
        Diverged: a descriptor is not finite.
    """
    encoder = encoder_from_network(network, size)
    failures: list[Failure] = []
    with precision or nullcontext():
        query, reference = (describe(images, encoder, failures) for images in (judged.queries, judged.references))
        background = describe(judged.background, encoder, failures) if judged.background is not None else None
    figures = dict(evaluate_descriptors(query, reference, judged.truth).figures())
    if background is not None:
        again = evaluate_descriptors(query, reference, judged.truth, background).figures()
        figures |= {f"normalised/{name}": value for name, value in again.items()}
    return figures, failures


def describe(images: ImageList, encoder: Encoder, failures: list[Failure]) -> DescriptorSet:
    """Descriptors of all readable images of a list, ids sorted; the others are added to `failures`.

    Raises:
        InputError: none of them is readable.
        Diverged: a descriptor is not finite.
    """
    parts = [images.paths[start : start + _CHUNK] for start in range(0, len(images), _CHUNK)]
    encoded = [encode_images(part, encoder) for part in track(parts, len(images), f"{images.root.name}", weight=_CHUNK)]
    matrix, readable = (np.concatenate([part[place] for part in encoded]) for place in (0, 1))
    for _, _, unreadable in encoded:
        failures += unreadable
    if not len(matrix):
        raise InputError(
            f"{images.root}: none of its {len(images)} images can be read: fix them or choose other images"
        )
    require_finite(matrix)
    ids = np.array(images.ids)[readable]
    order = np.argsort(ids)
    return DescriptorSet(ids[order], matrix[order])


def require_finite(descriptors: np.ndarray) -> None:
    """Raises Diverged where a descriptor is not finite: weights too large to compute with may be finite themselves."""
    if not np.isfinite(descriptors).all():
        raise Diverged("the network's descriptors are no longer finite")
