"""Exact nearest neighbours among byte descriptors, in whole numbers.

RootSIFT bytes are integers, so a squared distance |q|^2 + |r|^2 - 2 q.r needs only integer products. Subtracting 128 from
both sides leaves distances as they are and makes the bytes int8, for which torch has a fast matrix product. Products are
made in tiles that stay in the processor's cache; a compiled loop keeps the k nearest of each query.
"""

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import torch

from imgfp.local.features import DESCRIPTOR_SIZE
from imgfp.threads import libraries_single_threaded, thread_count

NO_DISTANCE = np.int32(2**31 - 1)  # where there are fewer than k neighbours, as in imgFp
_QUERY_TILE, _REFERENCE_TILE = 512, 1024  # 512 x 1024 int32 products: 2 MiB


class Bytes:
    """(n, 128) uint8 descriptors made ready: `signed` (n, 128) int8 tensor, `norms` (n,) int32 squared norms of it."""

    def __init__(self, descriptors: np.ndarray) -> None:
        signed = (np.ascontiguousarray(descriptors) ^ np.uint8(128)).view(np.int8)
        self.signed = torch.from_numpy(signed)
        wide = signed.astype(np.int32)
        self.norms = np.einsum("ij,ij->i", wide, wide, dtype=np.int32)

    def __len__(self) -> int:
        return len(self.norms)


def nearest(queries: np.ndarray, blocks: Iterable[np.ndarray], k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest rows of each query descriptor, over all blocks together.

    Args:
        queries: (q, 128) uint8.
        blocks: (b, 128) uint8 each; rows are numbered through all blocks, from 0. Only one is held at a time.
        k: How many neighbours.

    Returns:
        Squared distances (q, k) int32, rising, and rows (q, k) int64. At equal distance the lower row comes first.
        Where there are fewer than k rows: distance 2^31 - 1 and row -1.
    """
    distances = np.full((len(queries), k), NO_DISTANCE, dtype=np.int32)
    rows = np.full((len(queries), k), -1, dtype=np.int64)
    ready = Bytes(queries)
    tiles = [slice(start, start + _QUERY_TILE) for start in range(0, len(queries), _QUERY_TILE)]
    first = 0
    with libraries_single_threaded(), ThreadPoolExecutor(thread_count()) as pool:
        for block in blocks:
            against = Bytes(block)
            list(pool.map(lambda tile: _search_tile(ready, tile, against, first, distances, rows), tiles))  # noqa: B023
            first += len(block)
    return distances, rows


def nearest_pair(queries: Bytes, references: Bytes, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The same within one pair of images, in the calling thread."""
    distances = np.full((len(queries), k), NO_DISTANCE, dtype=np.int32)
    rows = np.full((len(queries), k), -1, dtype=np.int64)
    for start in range(0, len(queries), _QUERY_TILE):
        _search_tile(queries, slice(start, start + _QUERY_TILE), references, 0, distances, rows)
    return distances, rows


def _search_tile(
    queries: Bytes, tile: slice, block: Bytes, first: int, distances: np.ndarray, rows: np.ndarray
) -> None:
    part = queries.signed[tile]
    for start in range(0, len(block), _REFERENCE_TILE):
        stop = min(start + _REFERENCE_TILE, len(block))
        products = _products(part, block.signed[start:stop])
        _keep_nearest(
            products, queries.norms[tile], block.norms[start:stop], first + start, distances[tile], rows[tile]
        )


_thread = threading.local()


def _products(left: torch.Tensor, right: torch.Tensor) -> np.ndarray:
    """(a, 128) and (b, 128) int8 to (a, b) int32 inner products, in memory that the thread uses again for the next tile."""
    if not hasattr(_thread, "memory"):
        _thread.memory = torch.empty(_QUERY_TILE * _REFERENCE_TILE, dtype=torch.int32)
    shape = len(left), len(right)
    products = _thread.memory[: shape[0] * shape[1]].view(shape)
    return torch._int_mm(left, right.T, out=products).numpy()


@numba.njit(nogil=True, cache=True)
def _keep_nearest(products, query_norms, block_norms, first, distances, rows):  # type: ignore[no-untyped-def]
    """Merges one tile into the sorted k nearest of each query: chunks that hold nothing nearer are passed over at once.

    The slices of 64 with loops from 0 are what lets the compiler use vector instructions.
    """
    k = distances.shape[1]
    for query in range(products.shape[0]):
        norm = query_norms[query]
        worst = np.int64(distances[query, k - 1]) - norm
        line = products[query]
        for start in range(0, len(line), 64):
            dots = line[start : start + 64]
            norms = block_norms[start : start + 64]
            lowest = np.int32(2**31 - 1)
            for column in range(len(dots)):
                lowest = min(lowest, np.int32(norms[column] - np.int32(2) * dots[column]))
            if lowest >= worst:
                continue
            for column in range(len(dots)):
                partial = norms[column] - 2 * dots[column]
                if partial < worst:
                    place = k - 1
                    distance = np.int32(partial + norm)
                    while place > 0 and distances[query, place - 1] > distance:
                        distances[query, place] = distances[query, place - 1]
                        rows[query, place] = rows[query, place - 1]
                        place -= 1
                    distances[query, place] = distance
                    rows[query, place] = first + start + column
                    worst = np.int64(distances[query, k - 1]) - norm


assert DESCRIPTOR_SIZE * 255 * 255 < 2**24  # squared distances fit int32 with room
