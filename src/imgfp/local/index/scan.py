"""The compiled loops of the nearest-neighbour search: bytes to sums and differences, products to the k nearest.

Written for the compiler: plain loops from 0 over whole rows are vectorised, and a slice taken inside a loop costs more than the
loop. Minima are taken over integers, because minima of floats are not vectorised (NaN).
"""

import numpy as np

from imgfp.local.jit import entry

NO_DISTANCE = np.int32(2**31 - 1)  # of a missing neighbour, as in imgFp
CHUNK = 32  # columns scanned or skipped together


@entry()
def split_bytes(descriptors, places, parts, norms):  # type: ignore[no-untyped-def]
    """Sums and differences of each descriptor over 1, 2 or 4 transforms, and its squared norm.

    Args:
        descriptors: (n, 128) uint8.
        places: (transforms, 128 / transforms) int64: where each transform moves one position of every orbit.
        parts: (transforms, n, 128 / transforms) float32, written.
        norms: (n,) float32, written.
    """
    transforms, width = places.shape
    for row in range(len(descriptors)):
        total = np.int32(0)
        for place in range(descriptors.shape[1]):
            value = np.int32(descriptors[row, place])
            total += value * value
        norms[row] = total
        for place in range(width):
            a = np.int32(descriptors[row, places[0, place]])
            if transforms == 1:
                parts[0, row, place] = a
                continue
            b = np.int32(descriptors[row, places[1, place]])
            if transforms == 2:
                parts[0, row, place], parts[1, row, place] = a + b, a - b
                continue
            c = np.int32(descriptors[row, places[2, place]])
            d = np.int32(descriptors[row, places[3, place]])
            parts[0, row, place], parts[1, row, place] = (a + b) + (c + d), (a - b) + (c - d)
            parts[2, row, place], parts[3, row, place] = (a + b) - (c + d), (a - b) - (c - d)


@entry()
def keep_nearest(products, query_norms, row_norms, targets, first_row, scratch, distances, rows):  # type: ignore[no-untyped-def]
    """Merges one tile into the sorted k nearest of each query and transform.

    The k-th smallest of the chunks' minima bounds the k-th nearest, so only chunks with a smaller minimum are scanned.

    Args:
        products: (transforms, q, r) of the parts of queries and rows.
        query_norms, row_norms: (q,) and (r,) float32 squared norms.
        targets: (q,) int64, the position of each query in `distances`.
        first_row: Number of the tile's first row.
        scratch: (transforms, chunks, CHUNK) int32 for at least r distances; its size must not be a constant, or the compiler
            unrolls the loops over a chunk instead of vectorising them.
        distances, rows: (transforms, all queries, k) int32 and int64, updated.
    """
    transforms, chunks, size = scratch.shape
    k = distances.shape[2]
    flat = scratch.reshape(transforms, chunks * size)
    flat[:, products.shape[2] :] = NO_DISTANCE
    minima, bounds = np.empty(chunks, np.int32), np.empty(k, np.int32)
    for tile_query in range(products.shape[1]):
        query = targets[tile_query]
        _distances(products, tile_query, query_norms[tile_query], row_norms, flat)
        for transform in range(transforms):
            worst = distances[transform, query, k - 1]
            bounds[:] = worst
            for chunk in range(chunks):
                lowest = NO_DISTANCE
                for column in range(size):
                    lowest = min(lowest, scratch[transform, chunk, column])
                minima[chunk] = lowest
                if lowest < bounds[k - 1]:
                    place = k - 1
                    while place > 0 and bounds[place - 1] > lowest:
                        bounds[place] = bounds[place - 1]
                        place -= 1
                    bounds[place] = lowest
            # a distance equal to the bound may be among the nearest; one equal to the worst kept is of a later row
            limit = min(worst, np.int32(bounds[k - 1] + 1)) if bounds[k - 1] < worst else worst
            for chunk in range(chunks):
                if minima[chunk] >= limit:
                    continue
                for column in range(size):
                    distance = scratch[transform, chunk, column]
                    if distance < limit:
                        place = k - 1
                        while place > 0 and distances[transform, query, place - 1] > distance:
                            distances[transform, query, place] = distances[transform, query, place - 1]
                            rows[transform, query, place] = rows[transform, query, place - 1]
                            place -= 1
                        distances[transform, query, place] = distance
                        rows[transform, query, place] = first_row + chunk * size + column
                        limit = min(limit, distances[transform, query, k - 1])


@entry()
def _distances(products, query, query_norm, row_norms, distances):  # type: ignore[no-untyped-def]
    """|q|^2 + |r|^2 - 2 q.r of one query and all rows in every transform, where q.r is a signed sum of products divided by their number."""
    transforms, half, two = len(products), np.float32(0.5), np.float32(2)
    if transforms == 1:
        for row in range(products.shape[2]):
            distances[0, row] = np.int32(query_norm + row_norms[row] - two * products[0, query, row])
    elif transforms == 2:
        for row in range(products.shape[2]):
            norms = query_norm + row_norms[row]
            a, b = products[0, query, row], products[1, query, row]
            distances[0, row], distances[1, row] = np.int32(norms - (a + b)), np.int32(norms - (a - b))
    else:
        for row in range(products.shape[2]):
            norms = query_norm + row_norms[row]
            a, b = products[0, query, row], products[1, query, row]
            c, d = products[2, query, row], products[3, query, row]
            distances[0, row] = np.int32(norms - half * ((a + b) + (c + d)))
            distances[1, row] = np.int32(norms - half * ((a - b) + (c - d)))
            distances[2, row] = np.int32(norms - half * ((a + b) - (c + d)))
            distances[3, row] = np.int32(norms - half * ((a - b) - (c - d)))
