"""Searches inverted lists one after another, each with all the queries that probe it, by matrix products.

faiss compares code by code for every query. Here a list's codes are decoded once per batch, and one matrix product compares them
with all its queries. Threads share the lists; each keeps its own nearest, which are merged at the end.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from imgfp.local.index.codebook import Codebook
from imgfp.local.index.merged import Merged
from imgfp.local.index.nearest import NO_DISTANCE
from imgfp.local.index.scan import CHUNK, keep_nearest
from imgfp.threads import libraries_single_threaded, thread_count

_ROWS, _QUERIES = 2048, 4096  # of a list, and of its queries, compared at a time: up to 32 MB of products


def search_lists(
    codebook: Codebook, merged: Merged, queries: np.ndarray, lists: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest codes of each query among those of its lists.

    Args:
        codebook: What the codes were made with.
        merged: Codes in list order, and where each list starts.
        queries: (n, 128) uint8.
        lists: (n, nprobe) int64, each query's lists.
        k: Number of neighbours.

    Returns:
        Estimated squared distances (n, k) int32, ascending, and positions in list order (n, k) int64; missing ones are
        2^31 - 1 and -1. At equal distance the lower position comes first.
    """
    wide = queries.astype(np.float32)
    norms = (wide * wide).sum(axis=1)
    order = np.argsort(lists, axis=None, kind="stable")
    asking = order // lists.shape[1]
    probed, first = np.unique(lists.ravel()[order], return_index=True)
    bounds = np.append(first, len(order))
    work = np.diff(bounds) * np.diff(merged.starts)[probed]
    threads = thread_count()
    share = np.minimum(np.cumsum(work) * threads // max(1, int(work.sum())), threads - 1)

    def search(thread: int) -> tuple[np.ndarray, np.ndarray]:
        distances = np.full((1, len(queries), k), NO_DISTANCE, np.int32)
        rows = np.full((1, len(queries), k), -1, np.int64)
        for place in np.flatnonzero(share == thread).tolist():
            members = asking[bounds[place] : bounds[place + 1]]
            start, stop = merged.starts[probed[place] : probed[place] + 2].tolist()
            for row in range(start, stop, _ROWS):
                vectors = codebook.decode(merged.codes[row : min(row + _ROWS, stop)], probed[place])
                offsets = np.einsum("ij,ij->i", vectors, vectors)
                scratch = np.empty((1, -(-len(vectors) // CHUNK), CHUNK), np.int32)
                for part in (members[at : at + _QUERIES] for at in range(0, len(members), _QUERIES)):
                    products = torch.mm(torch.from_numpy(wide[part]), torch.from_numpy(vectors).T).numpy()[None]
                    keep_nearest(products, norms[part], offsets, part, row, scratch, distances, rows)
        return distances[0], rows[0]

    with libraries_single_threaded(), ThreadPoolExecutor(threads, initializer=_one_thread_each) as pool:
        distances, rows = _merged(list(pool.map(search, range(threads))), k)
    return np.maximum(distances, 0), rows  # an estimate may be negative


def _one_thread_each() -> None:
    """torch and faiss count threads per calling thread: without this, each of ours would start several."""
    from imgfp.faiss_loader import faiss

    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)


def _merged(found: Sequence[tuple[np.ndarray, np.ndarray]], k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of what the threads found; each thread's lists come before those of the next."""
    if len(found) == 1:
        return found[0]
    distances, rows = (np.concatenate(column, axis=1) for column in zip(*found, strict=True))
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, order, axis=1), np.take_along_axis(rows, order, axis=1)
