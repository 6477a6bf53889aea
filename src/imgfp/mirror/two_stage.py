"""PR-MAC in two stages: R-MAC vectors of all images choose candidates, exact PR-MAC ranks them."""

import numpy as np
import torch

from imgfp.mirror.ranking import Ranking, TopK
from imgfp.mirror.similarity import SimilarityConfig, normalise
from imgfp.progress import track
from imgfp.threads import thread_count

# Products of two regions that the exact search may make: 5,000 images of 35 regions with one another, about a minute on one
# core. An evaluation with few queries stays exact; beyond, two stages are faster at a small loss of recall.
EXACT_PRODUCTS = 5000**2 * 35**2
_QUERIES = 256


def candidate_count(top: int) -> int:
    """How many candidates are ranked for `top` answers: recall@20 of 99 % with 150, see benchmarks/README.md."""
    return 5 * top + 50


def needs_two_stages(queries: int, database: np.ndarray, top: int, config: SimilarityConfig) -> bool:
    """Whether an exact search would be long, and two stages shorter: PR-MAC by inner products, and many images."""
    images, regions = database.shape[:2]
    long = queries * images * regions**2 > EXACT_PRODUCTS
    return long and config.measure == "prmac" and not config.euclidean and images > 4 * candidate_count(top)


def two_stage_search(queries: np.ndarray | None, database: np.ndarray, top: int) -> Ranking:
    """As `search` by PR-MAC, but each query is compared with `candidate_count(top)` images only; their scores are exact.

    The first stage compares one vector per image, so it takes 1 / regions^2 of the exact search's products; the second does
    not grow with the database.
    """
    torch.set_num_threads(thread_count())
    query_images = database if queries is None else queries
    best = TopK(len(query_images), min(top, len(database)))
    count = min(candidate_count(top), len(database))
    vectors = torch.from_numpy(normalise(database.sum(axis=1)))
    images = torch.from_numpy(database)
    found = torch.empty(count, *database.shape[1:])
    for first in track(range(0, len(query_images), _QUERIES), len(query_images), "comparing", weight=_QUERIES):
        block = query_images[first : first + _QUERIES]
        coarse = torch.from_numpy(normalise(block.sum(axis=1))) @ vectors.T
        candidates = torch.topk(coarse, count, sorted=False).indices.sort().values  # equal scores: the first image wins
        for row, chosen in enumerate(candidates):
            torch.index_select(images, 0, chosen, out=found)
            products = found.view(-1, found.shape[2]) @ torch.from_numpy(block[row].T)
            scores = products.view(*found.shape[:2], -1).amax(1).sum(1).double() / found.shape[1]
            best.add(first + row, scores.numpy()[None], chosen.numpy())
    return best.ranking()
