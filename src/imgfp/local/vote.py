"""Candidates for a query, by votes of its keypoints for the images of their nearest reference descriptors."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from imgfp.local.features import DESCRIPTOR_SIZE, LocalFeatures, transforms_for
from imgfp.local.index.neighbours import DescriptorIndex, Neighbours


@dataclass(frozen=True)
class VoteConfig:
    """How candidates are found.

    `rule` "imgfp": every keypoint votes for the image of its nearest descriptor; at most one candidate, within imgFp's limits.
    `rule` "weighted": every keypoint votes for the images of its `k` nearest descriptors, once per image, with weight
    1 - d / d_k, where d is the squared distance and d_k that of the farthest of the `k`, taken as the distance of unrelated
    descriptors. The nearest image's vote gains 1 - d / d_o, where d_o is the squared distance of the nearest descriptor of
    another image. The `candidates` images with most votes are proposed.
    """

    rule: str = "weighted"
    k: int = 16  # nearest descriptors per keypoint; 1 with rule "imgfp"
    candidates: int = 16  # candidates per query; 1 with rule "imgfp"
    views: int = 1  # number of a query's views that vote; all of them are matched with the candidates
    mirrored: bool = True  # search with the mirrored query too
    inverted: bool = True  # search with the query's negative too
    damped: bool = True  # burstiness: n keypoints that vote for one descriptor (stripes, letters) count as sqrt(n)


class Candidate(NamedTuple):
    """A reference image, by position, that a query may be a copy of; more votes mean more confidence."""

    reference: int
    votes: float


class ImgfpTally(NamedTuple):
    """What imgFp's rule evaluates. `emitted`: the winner's position, or None where a limit is not met."""

    emitted: int | None
    votes: int
    mean_distance: float
    runner_up: int


def vote(
    queries: Sequence[LocalFeatures],
    references: DescriptorIndex,
    config: VoteConfig,
    own: Sequence[int] | None = None,
) -> list[list[Candidate]]:
    """Candidates of each query, best first. The index is searched once for all `queries` together.

    Args:
        queries: The images that vote.
        references: The images that are voted for.
        config: How.
        own: Where the queries are references themselves, their positions: an image does not vote for itself.
    """
    transforms = transforms_for(config.mirrored, config.inverted)
    sides = [item.first_views(config.views) for item in queries]
    stacked = np.concatenate(sides) if sides else np.zeros((0, DESCRIPTOR_SIZE), np.uint8)
    found = references.search(stacked, neighbours_needed(config, own is not None), transforms, len(queries))
    ends = np.cumsum([0] + [len(side) for side in sides])
    parts = [found.of(start, stop) for start, stop in pairwise(ends.tolist())]
    if own is not None:
        parts = [part.without(image, config.k) for part, image in zip(parts, own, strict=True)]
    if config.rule == "imgfp":
        tallies = [imgfp_tally(part.distances[0, :, 0], part.owners[0, :, 0]) for part in parts]
        return [[] if t.emitted is None else [Candidate(t.emitted, float(t.votes))] for t in tallies]
    return [
        best_images(
            [weighted_votes(part, transform, config) for transform in range(len(transforms))], config.candidates
        )
        for part in parts
    ]


def neighbours_needed(config: VoteConfig, among_themselves: bool) -> int:
    """Number of neighbours to search for. Within one collection twice as many: an image's own descriptors, at distance 0 or
    of patterns that repeat in it, are removed afterwards and must not displace those of others.
    """
    return 2 * config.k if among_themselves else config.k


def imgfp_tally(distances: np.ndarray, owners: np.ndarray) -> ImgfpTally:
    """imgFp's rule for one query.

    The image with most votes wins iff it has more than 3, more than the runner-up, and the mean squared distance of its
    votes is below 8000; where only one image got votes, iff it has more than 5 and the mean is below 8000.

    Args:
        distances: (n,) int32 squared distance of each keypoint's nearest descriptor.
        owners: (n,) the image that owns it, -1 for none.
    """
    distances, owners = distances[owners >= 0], owners[owners >= 0]
    if not len(owners):
        return ImgfpTally(None, 0, 0.0, 0)
    images, votes = np.unique(owners, return_counts=True)
    top = int(np.argmax(votes))
    mean = float(distances[owners == images[top]].mean(dtype=np.float64))
    runner_up = int(np.delete(votes, top).max(initial=0))
    enough = votes[top] > 3 and votes[top] > runner_up if len(images) > 1 else votes[top] > 5
    return ImgfpTally(int(images[top]) if enough and mean < 8000 else None, int(votes[top]), mean, runner_up)


def weighted_votes(found: Neighbours, transform: int, config: VoteConfig) -> tuple[np.ndarray, np.ndarray]:
    """Votes of one query's keypoints in one transform, each keypoint at most once per image.

    Returns:
        Images (m,) and the sum of their votes (m,) float64.
    """
    distances, owners, rows = found.distances[transform], found.owners[transform], found.rows[transform]
    valid = owners >= 0
    limit = distances[:, -1].astype(np.float64)
    weights = np.maximum(0.0, 1.0 - distances / np.maximum(limit, 1.0)[:, None])
    nearest = owners == owners[:, :1]
    other = np.where(valid & ~nearest, distances, limit[:, None]).min(axis=1, initial=np.inf)
    weights[:, 0] += np.maximum(0.0, 1.0 - distances[:, 0] / np.maximum(other, 1.0))
    if config.damped:
        _, place, times = np.unique(rows, return_inverse=True, return_counts=True)
        weights /= np.sqrt(times[place.reshape(rows.shape)])
    keypoint = np.broadcast_to(np.arange(len(owners))[:, None], owners.shape)
    # np.unique keeps the first of each keypoint and image, which is the nearest
    key = keypoint[valid].astype(np.int64) * (int(owners.max(initial=0)) + 1) + owners[valid]
    _, first = np.unique(key, return_index=True)
    images, inverse = np.unique(owners[valid][first], return_inverse=True)
    return images, np.bincount(inverse, weights=weights[valid][first], minlength=len(images))


def best_images(tallies: Sequence[tuple[np.ndarray, np.ndarray]], count: int) -> list[Candidate]:
    """The `count` images with most votes over several tallies (plain, mirrored), each image by its best one."""
    best: dict[int, float] = {}
    for images, votes in tallies:
        for image, weight in zip(images.tolist(), votes.tolist(), strict=True):
            best[image] = max(weight, best.get(image, 0.0))
    ranked = sorted(best.items(), key=lambda item: (-item[1], item[0]))
    return [Candidate(image, weight) for image, weight in ranked[:count]]
