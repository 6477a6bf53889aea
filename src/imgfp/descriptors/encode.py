"""A list of images to descriptors, in batches whose members depend on position alone."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from imgfp.encoders import Encoder
from imgfp.images import Failure, Source, source_resized
from imgfp.threads import thread_count

BATCH = 32


def encode_images(sources: Sequence[Source], encoder: Encoder) -> tuple[np.ndarray, np.ndarray, list[Failure]]:
    """Describes images.

    An image that cannot be read keeps its place in its batch (as a black picture that nobody sees), so the others' rows
    do not depend on it.

    Returns:
        (n, dim) float32 rows of the images that could be read, (len(sources),) bool which those are, and the failures.
    """
    rows, readable, failures = [], np.ones(len(sources), dtype=bool), []
    with ThreadPoolExecutor(thread_count()) as pool:  # Pillow releases Python's lock while it decodes
        for start in range(0, len(sources), BATCH):
            part = sources[start : start + BATCH]
            batch = np.zeros((len(part), encoder.size, encoder.size, 3), np.uint8)
            for place, picture in enumerate(pool.map(lambda source: source_resized(source, encoder.size), part)):
                if isinstance(picture, Failure):
                    failures.append(picture)
                    readable[start + place] = False
                else:
                    batch[place] = picture
            rows.append(encoder.encode(batch)[readable[start : start + len(part)]])
    matrix = np.concatenate(rows) if rows else np.zeros((0, encoder.dim), np.float32)
    return matrix, readable, failures
