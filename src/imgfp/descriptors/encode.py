"""Encodes a list of images as descriptors; batches depend only on the position in the list."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from imgfp.encoders import Encoder
from imgfp.images import Failure, Source, source_resized
from imgfp.threads import thread_count

BATCH = 32


def encode_images(sources: Sequence[Source], encoder: Encoder) -> tuple[np.ndarray, np.ndarray, list[Failure]]:
    """Computes the descriptors of images.

    An unreadable image keeps its position in the batch as a black image whose row is dropped, so the other rows do not
    depend on it.

    Returns:
        (n, dim) float32 descriptors of the readable images, (len(sources),) bool mask of the readable images, failures.
    """
    rows, readable, failures = [], np.ones(len(sources), dtype=bool), []
    with ThreadPoolExecutor(thread_count()) as pool:  # Pillow releases the GIL while decoding
        for start in range(0, len(sources), BATCH):
            part = sources[start : start + BATCH]
            batch = np.zeros((len(part), encoder.size, encoder.size, 3), np.uint8)
            for place, image in enumerate(pool.map(lambda source: source_resized(source, encoder.size), part)):
                if isinstance(image, Failure):
                    failures.append(image)
                    readable[start + place] = False
                else:
                    batch[place] = image
            rows.append(encoder.encode(batch)[readable[start : start + len(part)]])
    matrix = np.concatenate(rows) if rows else np.zeros((0, encoder.dim), np.float32)
    return matrix, readable, failures
