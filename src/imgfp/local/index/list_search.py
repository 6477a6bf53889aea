"""Searches inverted lists one list after the other, with all queries that look into it at once, by matrix products.

A list's codes are decoded once a batch, not compared code by code for each query: the product of its vectors with the queries
costs a tenth of that. Lists are shared out among threads; each keeps its own nearest, which are merged at the end.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from imgfp.local.index.codebook import Codebook
from imgfp.local.index.dequantise import decode
from imgfp.local.index.ivf import whole
from imgfp.local.index.nearest import NO_DISTANCE
from imgfp.local.index.scan import CHUNK, keep_nearest
from imgfp.threads import libraries_single_threaded, thread_count

_ROWS, _QUERIES = 2048, 4096  # of a list and of its queries that are compared at a time: up to 32 MB of products


class ListSearch:
    """Codes in list order, ready to be searched."""

    def __init__(self, codebook: Codebook, codes: np.ndarray, starts: np.ndarray) -> None:
        """`codes`: (n, code size) uint8, may be mapped; `starts`: (lists + 1,) int64, positions where each list begins."""
        self._codebook, self._codes, self._starts = codebook, codes, starts
        self._centres = whole(codebook, codebook.centres)

    def nearest(
        self, queries: np.ndarray, lists: np.ndarray, list_distances: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k nearest codes of each query among those of its lists.

        Args:
            queries: (n, 128) uint8.
            lists: (n, probes) int64, each query's lists.
            list_distances: (n, probes) float32, squared distances to their centres.
            k: How many.

        Returns:
            Estimated squared distances (n, k) int32, rising, and positions in list order (n, k) int64; where there are fewer,
            2^31 - 1 and -1. At equal distance the lower position comes first.
        """
        wide = whole(self._codebook, queries)
        own = list_distances
        if self._codebook.kind == "ivf_sq8":  # bytes as they are, not their difference to the centre
            own = np.broadcast_to((wide * wide).sum(axis=1, keepdims=True), lists.shape)
        order = np.argsort(lists, axis=None, kind="stable")
        asking, norms = order // lists.shape[1], np.ascontiguousarray(own.ravel()[order])
        asked, first = np.unique(lists.ravel()[order], return_index=True)
        bounds = np.append(first, len(order))
        work = np.diff(bounds) * np.diff(self._starts)[asked]
        threads = thread_count()
        share = np.minimum(np.cumsum(work) * threads // max(1, int(work.sum())), threads - 1)

        def search(thread: int) -> tuple[np.ndarray, np.ndarray]:
            distances = np.full((1, len(queries), k), NO_DISTANCE, np.int32)
            rows = np.full((1, len(queries), k), -1, np.int64)
            for place in np.flatnonzero(share == thread).tolist():
                part = slice(bounds[place], bounds[place + 1])
                self._compare(int(asked[place]), wide, asking[part], norms[part], distances, rows)
            return distances[0], rows[0]

        # the libraries count threads for each calling thread: without the initializer each of ours starts several
        with (
            libraries_single_threaded(),
            ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool,
        ):
            distances, rows = _merged(list(pool.map(search, range(threads))), k)
        return np.maximum(distances, 0), rows  # an estimate may fall below

    def _compare(
        self,
        number: int,
        wide: np.ndarray,
        asking: np.ndarray,
        norms: np.ndarray,
        distances: np.ndarray,
        rows: np.ndarray,
    ) -> None:
        """One list with the queries that look into it."""
        start, stop = self._starts[number : number + 2].tolist()
        for first in range(start, stop, _ROWS):
            codes = np.ascontiguousarray(self._codes[first : min(first + _ROWS, stop)])
            vectors, offsets = decode(self._codebook, codes, self._centres[number])
            scratch = np.empty((1, -(-len(codes) // CHUNK), CHUNK), np.int32)
            for part in (slice(at, at + _QUERIES) for at in range(0, len(asking), _QUERIES)):
                products = torch.mm(torch.from_numpy(wide[asking[part]]), torch.from_numpy(vectors).T).numpy()[None]
                keep_nearest(products, norms[part], offsets, asking[part], first, scratch, distances, rows)


def _merged(found: Sequence[tuple[np.ndarray, np.ndarray]], k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of what each thread found; its lists lie before those of the next."""
    if len(found) == 1:
        return found[0]
    distances, rows = (np.concatenate(column, axis=1) for column in zip(*found, strict=True))
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, order, axis=1), np.take_along_axis(rows, order, axis=1)
