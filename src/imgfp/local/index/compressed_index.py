"""The index that looks into the nearest lists only and compares short codes: distances are estimates."""

from collections.abc import Sequence

import numpy as np

from imgfp.files import hash_value
from imgfp.local.features import Transform, transform_descriptors
from imgfp.local.index.codebook import Codebook
from imgfp.local.index.index_config import KINDS
from imgfp.local.index.ivf import empty_index, fill_scanned, prepared
from imgfp.local.index.list_search import ListSearch
from imgfp.local.index.merged import Merged
from imgfp.local.index.nearest import NO_DISTANCE, nearest
from imgfp.local.index.neighbours import Neighbours
from imgfp.progress import advance
from imgfp.threads import thread_count

_QUERIES = 1 << 16  # searched at a time: the more, the less decoding for each


class CompressedIndex:
    """Codes in list order behind the `DescriptorIndex` protocol; they stay in their file, mapped (fast scan: in memory)."""

    def __init__(self, codebook: Codebook, merged: Merged, ids: tuple[str, ...], fingerprint: str, probes: int) -> None:
        """`ids`: of the images that `merged.owners` counts; `fingerprint`: a hash of the merged files."""
        self.ids = ids
        self.fingerprint = hash_value([fingerprint, codebook.fingerprint, probes])
        self.descriptors = len(merged.owners)
        self._kind = KINDS[codebook.kind]
        self._probes = min(probes, len(codebook.centres))
        self._codebook, self._owners, self._starts = codebook, merged.owners, merged.starts
        self._scanned = codebook.kind == "fast_scan"
        mapped = np.memmap(merged.codes, np.uint8, "r") if self.descriptors else np.zeros(0, np.uint8)  # no empty maps
        codes = mapped.reshape(-1, codebook.code_size)
        if self._scanned:
            self._index = empty_index(codebook, scanned=True)
            self._index.nprobe = self._probes
            fill_scanned(self._index, codes, merged.starts)
        else:
            self._search = ListSearch(codebook, codes, merged.starts)

    def search(self, queries: np.ndarray, k: int, transforms: Sequence[Transform], units: int = 0) -> Neighbours:
        """See `DescriptorIndex`."""
        shape = len(transforms), len(queries), k
        distances, rows = np.full(shape, NO_DISTANCE, np.int32), np.full(shape, -1, np.int64)
        step = max(1, _QUERIES // len(transforms))
        for first in range(0, len(queries), step) if self.descriptors else ():
            part = queries[first : first + step]
            near = nearest(
                part, [self._codebook.centres], self._probes, transforms
            )  # the centres, in all transforms at once
            moved = np.concatenate([transform_descriptors(part, transform) for transform in transforms])
            list_distances, lists = (array.reshape(len(moved), self._probes) for array in near)
            answers = self._nearest(moved, lists, list_distances.astype(np.float32), k)
            found = [array.reshape(len(transforms), len(part), k) for array in answers]
            distances[:, first : first + step], rows[:, first : first + step] = found
            advance(units * (first + len(part)) // len(queries) - units * first // len(queries))
        owners = self._owners[np.maximum(rows, 0)] if self.descriptors else rows
        return Neighbours(distances, np.where(rows < 0, -1, owners).astype(np.int32), rows)

    def needs(self, queries: int, k: int, transforms: int) -> str:
        """See `DescriptorIndex`."""
        # per thread its own nearest and products; queries, lists, answers of one batch
        batch = min(queries * transforms, _QUERIES)
        each = thread_count() * (12 * k * batch + 32e6) + batch * (1024 + 24 * self._probes)
        megabytes = (self.descriptors * self._kind.memory + queries * transforms * 12 * k + each) / 1e6
        return (
            f"{self._probes} of {len(self._codebook.centres):,} lists of {self.descriptors:,} descriptors of the references "
            f"({self._kind.name}: {self._kind.what}), about {megabytes:,.0f} MB"
        )

    def _nearest(
        self, queries: np.ndarray, lists: np.ndarray, list_distances: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """(n, k) int32 distances and int64 positions in list order for (n, 128) uint8 queries and their lists."""
        if not self._scanned:
            return self._search.nearest(queries, lists, list_distances, k)
        from imgfp.faiss_loader import faiss

        wide = prepared(self._codebook, queries)
        estimates, found = np.empty((len(wide), k), np.float32), np.empty((len(wide), k), np.int64)
        pointers = [faiss.swig_ptr(array) for array in (lists, list_distances, estimates, found)]
        self._index.search_preassigned_c(len(wide), faiss.swig_ptr(wide), k, *pointers, False)
        there = found >= 0
        whole = np.where(there, np.rint(np.maximum(estimates, 0)), NO_DISTANCE).astype(np.int64)
        return whole.clip(max=NO_DISTANCE).astype(np.int32), np.where(there, found, -1)
