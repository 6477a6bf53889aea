"""Similarities of images that are described by regions, and the exact search with them.

PR-MAC: S(q, d) = mean over q's regions of the maximum over d's regions of the inner product (of the smallest squared
distance). AML takes the maximum over q's regions instead of the mean. R-MAC (sum of the regions) and MAC (the first region)
compare one vector per image. Every score is divided by the number of regions, AML's also, as in the original code of MIRorR.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch

from imgfp.errors import InputError
from imgfp.mirror.ranking import Ranking, TopK
from imgfp.progress import track
from imgfp.threads import thread_count

Measure = Literal["prmac", "aml", "rmac", "mac"]
# Products of a block: about ROWS query regions x COLUMNS images, 2.3 MB, which stays in the processor's cache
ROWS, COLUMNS = 1120, 512


@dataclass(frozen=True)
class SimilarityConfig:
    """How two images are compared.

    `euclidean`: squared Euclidean distances instead of inner products; small is similar.
    """

    measure: Measure = "prmac"
    euclidean: bool = False

    def __post_init__(self) -> None:
        if self.measure not in get_args(Measure):
            raise InputError(f"similarity.measure={self.measure}: must be one of {', '.join(get_args(Measure))}")


def vectors_of(values: np.ndarray, config: SimilarityConfig) -> np.ndarray:
    """The float32 vectors that are whitened or compared: (images, regions, dim), of rmac and mac (images, 1, dim).

    They have L2 norm 1 unless `config.euclidean`. R-MAC sums regions as they are, so `values` must not be normalised yet.
    """
    if config.measure == "rmac":
        values = values.sum(axis=1, keepdims=True)
    elif config.measure == "mac":
        values = values[:, :1]
    return np.ascontiguousarray(values, np.float32) if config.euclidean else normalise(values)


def normalise(values: np.ndarray) -> np.ndarray:
    """float32 vectors of L2 norm 1 along the last axis; vectors of zeros stay zero."""
    values = values.astype(np.float64)
    norms = np.sqrt(np.einsum("...i,...i", values, values))[..., None]
    return (values / np.where(norms == 0, 1, norms)).astype(np.float32)


def search(queries: np.ndarray | None, database: np.ndarray, top: int, config: SimilarityConfig) -> Ranking:
    """The `top` most similar database images of each query, exactly; of all, where the database has fewer.

    Blocks of queries and of database images are compared; of each query only its best images are kept, so memory is bounded
    by the block and the answer.

    Args:
        queries: (queries, regions, dim) float32; None: the database's own images. Then each pair's products serve both
            directions, which is nearly twice as fast.
        database: (images, regions, dim) float32.
        top: Answers per query.
        config: The measure.
    """
    torch.set_num_threads(thread_count())
    itself = queries is None
    images = torch.from_numpy(database)
    query_images = images if queries is None else torch.from_numpy(queries)
    best = TopK(len(query_images), min(top, len(database)))
    rows = max(1, ROWS // query_images.shape[1])
    for a in track(range(0, len(query_images), rows), len(query_images), "comparing", weight=rows):
        first = a if itself else 0
        # blocks of images begin where blocks of queries do, so that a pair of blocks is met once
        for b in range(first, len(database), COLUMNS):
            columns = slice(b, min(b + COLUMNS, len(database)))
            forward, backward = compare_block(query_images[a : a + rows], images[columns], config, itself)
            best.add(a, forward, np.arange(columns.start, columns.stop))
            if backward is not None:
                later = max(0, a + rows - columns.start)  # images of the query block itself have their scores already
                best.add(columns.start + later, backward[later:], np.arange(a, min(a + rows, len(query_images))))
    ranking = best.ranking()
    return Ranking(ranking.indices, -ranking.scores) if config.euclidean else ranking


def compare_block(
    queries: torch.Tensor, images: torch.Tensor, config: SimilarityConfig, both: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """Scores (queries, images) and, where `both`, those of the images as queries, (images, queries); distances negative.

    One region of every image at a time: its products with all query regions form a contiguous matrix, so the maximum over
    an image's regions is an elementwise one. Euclidean in float64: small differences of large norms.

    Args:
        queries: (queries, regions, dim) float32.
        images: (images, regions, dim) float32.
        config: The measure.
        both: Whether the other direction is wanted.
    """
    if config.euclidean:
        queries, images = queries.double(), images.double()
    aml = config.measure == "aml"
    # of distances the original takes the largest: negative here, so the minimum
    outer, outer_of = (torch.amin, torch.minimum) if config.euclidean else (torch.amax, torch.maximum)
    regions = images.shape[1]
    shape = (len(queries), regions, len(images))
    flat = queries.reshape(-1, queries.shape[2])
    norms = (flat.square().sum(1, keepdim=True), images.square().sum(2)) if config.euclidean else None
    products = torch.empty(len(flat), len(images), dtype=flat.dtype)
    nearest = torch.empty_like(products)
    backward: torch.Tensor | None = None
    for region in range(regions):
        target = products if region else nearest
        torch.mm(flat, images[:, region].T, out=target)
        if norms:
            target.mul_(2).sub_(norms[0]).sub_(norms[1][:, region])
        if both:
            over_queries = target.view(shape).amax(1)
            if backward is None:
                backward = over_queries
            else:
                backward = outer_of(backward, over_queries) if aml else backward + over_queries
        if region:
            torch.maximum(nearest, products, out=nearest)
    forward = outer(nearest.view(shape), 1) if aml else nearest.view(shape).sum(1)
    return (
        forward.double().numpy() / regions,
        None if backward is None else backward.T.double().numpy() / regions,
    )
