"""k-means in whole numbers: the same centres on every machine, whatever its threads and matrix library.

Descriptors and centres are bytes, so a squared distance is an integer below 2^24, which float32 products give exactly in
any order of summation. Sums are integers too. Codes of one descriptor thus never depend on which others it is encoded with.
"""

from typing import Any

import numpy as np

ITERATIONS = 8
_ROWS = 1 << 14  # compared at a time


def byte_centres(sample: np.ndarray, count: int) -> np.ndarray:
    """(count, 128) uint8 centres of (n, 128) uint8 descriptors, n >= count, by Lloyd's iterations from a seeded draw.

    A centre that owns nothing is put on one of the descriptors farthest from their centres.
    """
    start = np.sort(np.random.default_rng(0).choice(len(sample), count, replace=False))
    centres = sample[start]
    for _ in range(ITERATIONS):
        owners, distances = nearest_centre(sample, centres)
        order = np.argsort(owners, kind="stable")
        counts = np.bincount(owners, minlength=count)
        filled = np.flatnonzero(counts)
        sums = np.add.reduceat(sample[order], np.cumsum(counts)[filled] - counts[filled], axis=0, dtype=np.int64)
        centres = centres.copy()
        centres[filled] = np.rint(sums / counts[filled][:, None]).astype(np.uint8)
        empty = np.flatnonzero(counts == 0)
        centres[empty] = sample[np.argsort(-distances, kind="stable")[: len(empty)]]
    return centres


def nearest_centre(descriptors: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each of (n, 128) uint8 descriptors the nearest centre, (n,) int64, and its squared distance, (n,) float32."""
    owners, distances = nearest_centres(descriptors, flat_index(centres), 1)
    return owners[:, 0], distances[:, 0]


def flat_index(centres: np.ndarray) -> Any:
    """A faiss index that compares with each of (c, 128) uint8 centres."""
    from imgfp.faiss_loader import faiss

    flat = faiss.IndexFlatL2(centres.shape[1])
    flat.add(centres.astype(np.float32))
    return flat


def nearest_centres(descriptors: np.ndarray, flat: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The `count` nearest centres, (n, count) int64, and squared distances float32, of a faiss flat index of them."""
    owners = np.empty((len(descriptors), count), np.int64)
    distances = np.empty((len(descriptors), count), np.float32)
    for first in range(0, len(descriptors), _ROWS):
        part = slice(first, first + _ROWS)
        distances[part], owners[part] = flat.search(descriptors[part].astype(np.float32), count)
    return owners, distances
