"""The index that searches the nearest inverted lists only and compares with codes: distances are estimates."""

from collections.abc import Sequence

import numpy as np

from imgfp.files import hash_value
from imgfp.local.features import Transform, transform_descriptors
from imgfp.local.index.codebook import Codebook
from imgfp.local.index.index_config import KINDS
from imgfp.local.index.list_search import search_lists
from imgfp.local.index.merged import Merged
from imgfp.local.index.nearest import NO_DISTANCE, nearest
from imgfp.local.index.neighbours import Neighbours
from imgfp.progress import advance
from imgfp.threads import thread_count

_QUERIES = 1 << 16  # searched at a time: the more, the less decoding per query


class CompressedIndex:
    """Memory-mapped codes in list order behind the `DescriptorIndex` protocol."""

    def __init__(self, codebook: Codebook, merged: Merged, ids: tuple[str, ...], fingerprint: str, nprobe: int) -> None:
        """`ids`: of the images that `merged.owners` counts; `fingerprint`: a hash of the merged files."""
        self.ids = ids
        self.fingerprint = hash_value([fingerprint, codebook.fingerprint, nprobe])
        self.descriptors = len(merged.owners)
        self._nprobe = min(nprobe, len(codebook.centres))
        self._codebook, self._merged = codebook, merged

    def search(self, queries: np.ndarray, k: int, transforms: Sequence[Transform], units: int = 0) -> Neighbours:
        """See `DescriptorIndex`."""
        shape = len(transforms), len(queries), k
        distances: np.ndarray = np.full(shape, NO_DISTANCE, np.int32)
        rows: np.ndarray = np.full(shape, -1, np.int64)
        step = max(1, _QUERIES // len(transforms))
        for first in range(0, len(queries), step) if self.descriptors else ():
            part = queries[first : first + step]
            _, lists = nearest(part, [self._codebook.centres], self._nprobe, transforms)
            moved = np.concatenate([transform_descriptors(part, transform) for transform in transforms])
            found = search_lists(self._codebook, self._merged, moved, lists.reshape(len(moved), -1), k)
            distances[:, first : first + step], rows[:, first : first + step] = (
                values.reshape(len(transforms), len(part), k) for values in found
            )
            advance(units * (first + len(part)) // len(queries) - units * first // len(queries))
        owners = self._merged.owners[np.maximum(rows, 0)] if self.descriptors else rows
        return Neighbours(distances, np.where(rows < 0, -1, owners).astype(np.int32), rows)

    def needs(self, queries: int, k: int, transforms: int) -> str:
        """See `DescriptorIndex`."""
        # every thread has its own nearest and products; queries, lists and answers are of one batch
        kind, batch = KINDS[self._codebook.kind], min(queries * transforms, _QUERIES)
        working = thread_count() * (12 * k * batch + 32e6) + batch * (1024 + 24 * self._nprobe)
        megabytes = (self.descriptors * kind.memory + queries * transforms * 12 * k + working) / 1e6
        return (
            f"{self._nprobe} of {len(self._codebook.centres):,} lists of {self.descriptors:,} reference descriptors "
            f"({kind.name}: {kind.what}), about {megabytes:,.0f} MB"
        )
