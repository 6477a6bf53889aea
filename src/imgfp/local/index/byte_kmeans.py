"""k-means in integers: the same centres on every machine, with any number of threads and any matrix library.

Descriptors and centres are bytes, so squared distances (`nearest.py`) and sums are integers. A descriptor's list therefore never
depends on the descriptors it is assigned together with.
"""

import numpy as np

from imgfp.local.index.nearest import nearest

ITERATIONS = 8
_ROWS = 1 << 16  # compared at a time


def byte_centres(sample: np.ndarray, count: int) -> np.ndarray:
    """(count, 128) uint8 centres of (n, 128) uint8 descriptors, n >= count, by Lloyd's algorithm from a seeded draw.

    An empty centre is moved to one of the descriptors farthest from their centres.
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
    """The nearest of (c, 128) uint8 centres to each of (n, 128) uint8 descriptors, (n,) int64, and its squared distance, (n,) int32."""
    distances, owners = np.empty(len(descriptors), np.int32), np.empty(len(descriptors), np.int64)
    for first in range(0, len(descriptors), _ROWS):
        part = slice(first, first + _ROWS)
        found = nearest(descriptors[part], [centres], 1)
        distances[part], owners[part] = (array[0, :, 0] for array in found)
    return owners, distances
