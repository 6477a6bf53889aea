"""Exact nearest neighbours among byte descriptors, in integers, for an image and its mirrored and inverted transforms at once.

RootSIFT bytes are integers, so a squared distance |q|^2 + |r|^2 - 2 q.r needs only integer products, which float32 holds
exactly below 2^24: any library's matrix product gives the same result. Products are computed in tiles that fit the cache; a
compiled loop (`scan.py`) keeps the k nearest of each query.

Mirroring and inverting permute a descriptor without fixed points, and commute. With the sums and differences over the four
transforms (the characters of that group of four, a Walsh-Hadamard transform), a 128-wide product splits into four 32-wide ones,
and the product with any transform is a signed sum of those: four searches for the price of one.
"""

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import torch

from imgfp.local.features import DESCRIPTOR_SIZE, PLAIN, Transform, transform_permutation
from imgfp.local.index.scan import CHUNK, NO_DISTANCE, keep_nearest, split_bytes
from imgfp.threads import libraries_single_threaded, thread_count

_QUERY_TILE, _ROW_TILE = 256, 1024  # up to four times 256 x 1024 products of 4 bytes: 4 MiB
_EXACT = 2**22  # sums over four transforms square to at most four times this, where float32 still holds every integer
ONLY_PLAIN = (PLAIN,)


class PreparedDescriptors:
    """(n, 128) uint8 descriptors prepared for comparison in given transforms.

    `parts`: (f, n, 128 / f) float32 tensor, sums and differences over the f transforms; `norms`: (n,) float32 squared norms.
    `large`: products may exceed what float32 holds exactly; never of RootSIFT, whose squared norm is about 65025.
    """

    def __init__(self, descriptors: np.ndarray, transforms: Sequence[Transform] = ONLY_PLAIN) -> None:
        self.transforms = tuple(transforms)
        copied = np.array(descriptors, order="C")  # a memory map, a strided view: one type for the compiled loop
        parts = np.empty((len(self.transforms), len(copied), DESCRIPTOR_SIZE // len(self.transforms)), np.float32)
        self.norms = np.empty(len(copied), np.float32)
        split_bytes(copied, _orbit_places(self.transforms), parts, self.norms)
        self.parts = torch.from_numpy(parts)
        self.large = bool(self.norms.max(initial=0) > _EXACT)

    def __len__(self) -> int:
        return len(self.norms)


@cache
def _orbit_places(transforms: tuple[Transform, ...]) -> np.ndarray:
    """(transforms, 128 / transforms) int64: where each transform moves the lowest position of every orbit."""
    places = np.stack([transform_permutation(transform) for transform in transforms])
    return np.ascontiguousarray(places[:, places.min(axis=0) == np.arange(DESCRIPTOR_SIZE)])


def nearest(
    queries: np.ndarray, blocks: Iterable[np.ndarray], k: int, transforms: Sequence[Transform] = ONLY_PLAIN
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest rows of each query descriptor in each transform, over all blocks together.

    Args:
        queries: (q, 128) uint8.
        blocks: (b, 128) uint8 each; rows are numbered through all blocks, from 0. Only one is in memory at a time.
        k: Number of neighbours.
        transforms: As from `transforms_for`: those in which the queries (or, equally, the rows) are compared.

    Returns:
        Squared distances (transforms, q, k) int32, ascending, and rows (transforms, q, k) int64. At equal distance the lower row comes
        first. With fewer than k rows, the missing ones have distance 2^31 - 1 and row -1.
    """
    ready, threads = PreparedDescriptors(queries, transforms), thread_count()
    distances, rows = _nothing_yet(ready, k)
    tiles = _tiles(len(ready), threads)
    first = 0
    # torch counts threads per calling thread: without the initializer, each of ours would start several
    with (
        libraries_single_threaded(),
        ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        for block in blocks:
            against = PreparedDescriptors(block, transforms)
            list(pool.map(lambda tile: _search_tile(ready, tile, against, first, distances, rows), tiles))  # noqa: B023
            first += len(block)
    return distances, rows


def nearest_pair(
    queries: PreparedDescriptors, references: PreparedDescriptors, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The same within one pair of images, in the calling thread. Both sides were prepared with the same transforms."""
    distances, rows = _nothing_yet(queries, k)
    for tile in _tiles(len(queries), 1):
        _search_tile(queries, tile, references, 0, distances, rows)
    return distances, rows


def _nothing_yet(queries: PreparedDescriptors, k: int) -> tuple[np.ndarray, np.ndarray]:
    shape = len(queries.transforms), len(queries), k
    return np.full(shape, NO_DISTANCE, dtype=np.int32), np.full(shape, -1, dtype=np.int64)


def _tiles(count: int, threads: int) -> list[slice]:
    """Equal tiles of at most _QUERY_TILE, their number a multiple of the threads."""
    tiles = -(-count // (_QUERY_TILE * threads)) * threads
    size = -(-count // max(1, tiles))
    return [slice(start, min(start + size, count)) for start in range(0, count, max(1, size))]


def _search_tile(
    queries: PreparedDescriptors,
    tile: slice,
    block: PreparedDescriptors,
    first: int,
    distances: np.ndarray,
    rows: np.ndarray,
) -> None:
    left, large = queries.parts[:, tile], queries.large or block.large
    targets = np.arange(tile.start, tile.stop)
    for start in range(0, len(block), _ROW_TILE):
        stop = min(start + _ROW_TILE, len(block))
        products = _products(left, block.parts[:, start:stop], large)
        scratch = np.empty((len(products), -(-(stop - start) // CHUNK), CHUNK), np.int32)
        norms = queries.norms[tile], block.norms[start:stop]
        keep_nearest(products, *norms, targets, first + start, scratch, distances, rows)


_thread = threading.local()


def _products(left: torch.Tensor, right: torch.Tensor, large: bool) -> np.ndarray:
    """(f, a, w) and (f, b, w) to (f, a, b) inner products, in memory that the thread reuses for the next tile."""
    if large:
        return torch.bmm(left.double(), right.double().transpose(1, 2)).numpy()
    shape = len(left), left.shape[1], right.shape[1]
    size = shape[0] * shape[1] * shape[2]
    if not hasattr(_thread, "memory") or len(_thread.memory) < size:
        _thread.memory = torch.empty(size)
    products = _thread.memory[:size].view(shape)
    return torch.bmm(left, right.transpose(1, 2), out=products).numpy()
