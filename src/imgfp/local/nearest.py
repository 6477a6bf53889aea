"""Exact nearest neighbours among byte descriptors, in whole numbers, of a picture and of its mirrored and inverted forms at once.

RootSIFT bytes are integers, so a squared distance |q|^2 + |r|^2 - 2 q.r needs only integer products, which float32 holds
exactly below 2^24: a matrix product of the machine's library gives them on any processor. Products are made in tiles that
stay in the cache; a compiled loop keeps the k nearest of each query.

Mirroring and inverting permute a descriptor without leaving any place where it was, and commute. So with the sums and
differences over the four forms (the characters of that group of four, a Walsh-Hadamard transform), a 128-wide product
falls into four 32-wide ones, and the product with any form is a signed sum of those: four searches for the price of one.
"""

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import torch

from imgfp.local.features import DESCRIPTOR_SIZE, PLAIN, Variant, variant_places
from imgfp.threads import libraries_single_threaded, thread_count

NO_DISTANCE = np.int32(2**31 - 1)  # where there are fewer than k neighbours, as in imgFp
_QUERY_TILE, _REFERENCE_TILE = 256, 512  # up to four times 256 x 512 products of 4 bytes: 2 MiB
_EXACT = 2**22  # sums over four forms square to at most four times this, where float32 still counts in ones
ONLY_PLAIN = (PLAIN,)


class Bytes:
    """(n, 128) uint8 descriptors made ready to be compared in given forms.

    `parts`: (f, n, 128 / f) tensor, sums and differences over the f forms; `norms`: (n,) int32 squared norms.
    """

    def __init__(self, descriptors: np.ndarray, forms: Sequence[Variant] = ONLY_PLAIN) -> None:
        self.forms = tuple(forms)
        wide = np.ascontiguousarray(descriptors).astype(np.float32)
        self.norms = np.einsum("ij,ij->i", wide, wide, dtype=np.float32).astype(np.int32)
        if self.norms.max(initial=0) > _EXACT:  # never of RootSIFT, whose squared norm is about 65025
            wide = wide.astype(np.float64)
        places = [variant_places(form) for form in self.forms]
        first = np.flatnonzero(np.min(places, axis=0) == np.arange(DESCRIPTOR_SIZE))  # one place of each orbit
        moved = [wide[:, place[first]] for place in places]
        signs = _signs(len(self.forms))
        parts = [sum(sign * item for sign, item in zip(row, moved, strict=True)) for row in signs.tolist()]
        self.parts = torch.from_numpy(np.ascontiguousarray(np.stack(parts)))

    def __len__(self) -> int:
        return len(self.norms)


def nearest(
    queries: np.ndarray, blocks: Iterable[np.ndarray], k: int, forms: Sequence[Variant] = ONLY_PLAIN
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest rows of each query descriptor in each form, over all blocks together.

    Args:
        queries: (q, 128) uint8.
        blocks: (b, 128) uint8 each; rows are numbered through all blocks, from 0. Only one is held at a time.
        k: How many neighbours.
        forms: What `variants` gives: in which forms the queries (or as well the rows) are compared.

    Returns:
        Squared distances (forms, q, k) int32, rising, and rows (forms, q, k) int64. At equal distance the lower row comes
        first. Where there are fewer than k rows: distance 2^31 - 1 and row -1.
    """
    distances = np.full((len(forms), len(queries), k), NO_DISTANCE, dtype=np.int32)
    rows = np.full((len(forms), len(queries), k), -1, dtype=np.int64)
    ready = Bytes(queries, forms)
    tiles = [slice(start, start + _QUERY_TILE) for start in range(0, len(queries), _QUERY_TILE)]
    first = 0
    with libraries_single_threaded(), ThreadPoolExecutor(thread_count()) as pool:
        for block in blocks:
            against = Bytes(block, forms)
            list(pool.map(lambda tile: _search_tile(ready, tile, against, first, distances, rows), tiles))  # noqa: B023
            first += len(block)
    return distances, rows


def nearest_pair(queries: Bytes, references: Bytes, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The same within one pair of images, in the calling thread. Both sides were made ready with the same forms."""
    shape = len(queries.forms), len(queries), k
    distances = np.full(shape, NO_DISTANCE, dtype=np.int32)
    rows = np.full(shape, -1, dtype=np.int64)
    for start in range(0, len(queries), _QUERY_TILE):
        _search_tile(queries, slice(start, start + _QUERY_TILE), references, 0, distances, rows)
    return distances, rows


def _search_tile(
    queries: Bytes, tile: slice, block: Bytes, first: int, distances: np.ndarray, rows: np.ndarray
) -> None:
    part = queries.parts[:, tile]
    signs = _signs(len(queries.forms))
    for start in range(0, len(block), _REFERENCE_TILE):
        stop = min(start + _REFERENCE_TILE, len(block))
        products = _products(part, block.parts[:, start:stop])
        scratch = np.empty(64, products.dtype)
        norms = block.norms[start:stop].astype(products.dtype)
        _keep_nearest(
            products, signs, scratch, queries.norms[tile], norms, first + start, distances[:, tile], rows[:, tile]
        )


def _signs(forms: int) -> np.ndarray:
    """(forms, forms) float32 of +1 and -1: row = sum or difference, column = form. Symmetric, its square is `forms` times one."""
    signs = np.ones((1, 1), np.float32)
    while len(signs) < forms:
        signs = np.block([[signs, signs], [signs, -signs]])
    return signs


_thread = threading.local()


def _products(left: torch.Tensor, right: torch.Tensor) -> np.ndarray:
    """(f, a, w) and (f, b, w) to (f, a, b) inner products, in memory that the thread uses again for the next tile."""
    if left.dtype != right.dtype:
        left, right = left.double(), right.double()
    if left.dtype == torch.float64:
        return torch.bmm(left, right.transpose(1, 2)).numpy()
    shape = len(left), left.shape[1], right.shape[1]
    size = shape[0] * shape[1] * shape[2]
    if not hasattr(_thread, "memory") or len(_thread.memory) < size:
        _thread.memory = torch.empty(size)
    products = _thread.memory[:size].view(shape)
    return torch.bmm(left, right.transpose(1, 2), out=products).numpy()


@numba.njit(nogil=True, cache=True, fastmath=True)
def _keep_nearest(products, signs, partial, query_norms, block_norms, first, distances, rows):  # type: ignore[no-untyped-def]
    """Merges one tile into the sorted k nearest of each query and form: chunks that hold nothing nearer are passed over at once.

    The slices of 64 with loops from 0 are what lets the compiler use vector instructions.
    """
    forms, k = len(signs), distances.shape[2]
    for query in range(products.shape[1]):
        norm = query_norms[query]
        for start in range(0, products.shape[2], 64):
            norms = block_norms[start : start + 64]
            count = len(norms)
            for form in range(forms):
                worst = np.int64(distances[form, query, k - 1]) - norm
                _partial_distances(products, signs[form], query, start, norms, partial)
                lowest = partial[0]
                for column in range(count):
                    lowest = min(lowest, partial[column])
                if lowest >= worst:
                    continue
                for column in range(count):
                    if partial[column] < worst:
                        place = k - 1
                        distance = np.int32(np.int64(partial[column]) + norm)
                        while place > 0 and distances[form, query, place - 1] > distance:
                            distances[form, query, place] = distances[form, query, place - 1]
                            rows[form, query, place] = rows[form, query, place - 1]
                            place -= 1
                        distances[form, query, place] = distance
                        rows[form, query, place] = first + start + column
                        worst = np.int64(distances[form, query, k - 1]) - norm


@numba.njit(nogil=True, cache=True, fastmath=True)
def _partial_distances(products, sign, query, start, norms, partial):  # type: ignore[no-untyped-def]
    """|r|^2 - 2 q.r of one form for up to 64 rows."""
    a = products[0, query, start : start + 64]
    if len(sign) == 1:
        for column in range(len(norms)):
            partial[column] = norms[column] - np.float32(2) * a[column]
        return
    b = products[1, query, start : start + 64]
    if len(sign) == 2:
        for column in range(len(norms)):
            partial[column] = norms[column] - (a[column] + sign[1] * b[column])
        return
    c, d = products[2, query, start : start + 64], products[3, query, start : start + 64]
    for column in range(len(norms)):
        sums = (a[column] + sign[1] * b[column]) + (sign[2] * c[column] + sign[3] * d[column])
        partial[column] = norms[column] - np.float32(0.5) * sums
