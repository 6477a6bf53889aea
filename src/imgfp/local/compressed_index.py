"""The index that looks into the nearest lists only and compares short codes: distances are estimates."""

from collections.abc import Sequence

import numpy as np

from imgfp.files import hash_value
from imgfp.local.byte_kmeans import flat_index, nearest_centres
from imgfp.local.codebook import Codebook
from imgfp.local.features import Variant, variant_descriptors
from imgfp.local.index_config import KINDS
from imgfp.local.ivf import empty_index, fill_scanned, mapped_lists, prepared
from imgfp.local.merged import Merged
from imgfp.local.nearest import NO_DISTANCE
from imgfp.local.neighbours import Neighbours
from imgfp.progress import advance

_QUERIES = 4096  # searched at a time


class CompressedIndex:
    """Codes in list order behind the `DescriptorIndex` protocol; they stay in their file, mapped (fast scan: in memory)."""

    def __init__(self, codebook: Codebook, merged: Merged, ids: tuple[str, ...], identity: str, probes: int) -> None:
        """`ids`: of the images that `merged.owners` counts; `identity`: a hash of the merged files."""
        self.ids = ids
        self.identity = hash_value([identity, codebook.identity, probes])
        self.descriptors = len(merged.owners)
        self._kind = KINDS[codebook.kind]
        self._probes = min(probes, len(codebook.centres))
        self._codebook, self._owners, self._starts = codebook, merged.owners, merged.starts
        self._flat = flat_index(codebook.centres)
        self._scanned = codebook.kind == "fast_scan"
        self._index = empty_index(codebook, self._scanned)
        self._index.nprobe = self._probes
        if self._scanned:
            codes = np.memmap(merged.codes, np.uint8, "r") if self.descriptors else np.zeros(0, np.uint8)
            fill_scanned(self._index, codes.reshape(-1, codebook.code_size), merged.starts)
        elif self.descriptors:  # an empty file cannot be mapped
            self._lists = mapped_lists(merged.codes, merged.starts, codebook.code_size)
            self._index.replace_invlists(self._lists, False)
            self._index.ntotal = self.descriptors

    def search(self, queries: np.ndarray, k: int, forms: Sequence[Variant], units: int = 0) -> Neighbours:
        """See `DescriptorIndex`."""
        shape = len(forms), len(queries), k
        distances, rows = np.full(shape, NO_DISTANCE, np.int32), np.full(shape, -1, np.int64)
        steps = [(form, first) for form in range(len(forms)) for first in range(0, len(queries), _QUERIES)]
        for done, (form, first) in enumerate(steps, start=1):
            part = slice(first, first + _QUERIES)
            if self.descriptors:
                moved = variant_descriptors(queries[part], forms[form])
                distances[form, part], rows[form, part] = self._nearest(moved, k)
            advance(units * done // len(steps) - units * (done - 1) // len(steps))
        owners = self._owners[np.maximum(rows, 0)] if self.descriptors else rows
        return Neighbours(distances, np.where(rows < 0, -1, owners).astype(np.int32), rows)

    def needs(self, queries: int, k: int, forms: int) -> str:
        """See `DescriptorIndex`."""
        megabytes = self.descriptors * self._kind.memory / 1e6 + queries * forms * 12 * k / 1e6 + 100
        return (
            f"{self._probes} of {len(self._codebook.centres):,} lists of {self.descriptors:,} descriptors of the references "
            f"({self._kind.name}: {self._kind.what}), about {megabytes:,.0f} MB"
        )

    def _nearest(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(n, k) int32 distances and int64 positions in list order for (n, 128) uint8 queries."""
        from imgfp.faiss_loader import faiss

        lists, list_distances = nearest_centres(queries, self._flat, self._probes)
        wide = prepared(self._codebook, queries)
        estimates, found = np.empty((len(wide), k), np.float32), np.empty((len(wide), k), np.int64)
        pointers = [faiss.swig_ptr(array) for array in (lists, list_distances, estimates, found)]
        self._index.search_preassigned_c(len(wide), faiss.swig_ptr(wide), k, *pointers, not self._scanned)
        there = found >= 0
        if not self._scanned:  # list number in the upper half, place in the list in the lower
            found = self._starts[np.where(there, found >> 32, 0)] + (found & 0xFFFFFFFF)
        estimates = np.where(there, np.rint(np.maximum(estimates, 0)), NO_DISTANCE)
        return estimates.astype(np.int64).clip(max=NO_DISTANCE).astype(np.int32), np.where(there, found, -1)
