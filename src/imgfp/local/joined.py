"""Several feature stores as one, some images left out."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from imgfp.files import hash_value
from imgfp.local.features import LocalFeatures
from imgfp.local.store import FeatureStore


class JoinedFeatures:
    """A `FeatureSource`: the images of all stores in their order, without those whose ids are in `left_out`.

    `places`: for each store (images,) int32, where its images stand in the whole, -1 for those left out.
    """

    def __init__(self, stores: Sequence[FeatureStore], left_out: Collection[str] = ()) -> None:
        self.stores = tuple(stores)
        gone = set(left_out)
        kept = [np.array([image_id not in gone for image_id in store.ids], dtype=bool) for store in stores]
        self._rows = [np.flatnonzero(mask) for mask in kept]
        first = np.cumsum([0] + [len(rows) for rows in self._rows])
        self.places = tuple(
            np.where(mask, start + np.cumsum(mask) - 1, -1).astype(np.int32)
            for mask, start in zip(kept, first.tolist(), strict=False)
        )
        self.ids = tuple(
            store.ids[row] for store, rows in zip(stores, self._rows, strict=True) for row in rows.tolist()
        )
        counts = [np.diff(store.offsets)[rows] for store, rows in zip(stores, self._rows, strict=True)]
        self.offsets = np.concatenate([[0], np.cumsum(np.concatenate([np.zeros(0, np.int64), *counts]))]).astype(
            np.int64
        )
        self._first = first
        whole = len(stores) == 1 and not gone
        self.fingerprint = (
            stores[0].fingerprint if whole else hash_value([[s.fingerprint for s in stores], sorted(gone)])
        )

    def __len__(self) -> int:
        return len(self.ids)

    def get(self, index: int) -> LocalFeatures:
        """Features of one image, by position."""
        store = int(np.searchsorted(self._first, index, side="right")) - 1
        return self.stores[store].get(int(self._rows[store][index - self._first[store]]))

    def blocks(self) -> Iterator[np.ndarray]:
        """All descriptors in order; a shard of a store at a time where none of its images is left out."""
        for store, places in zip(self.stores, self.places, strict=True):
            whole = bool((places >= 0).all())
            owners = np.repeat(places, np.diff(store.offsets)) if not whole else places
            first = 0
            for block in store.blocks():
                yield block if whole else block[owners[first : first + len(block)] >= 0]
                first += len(block)
            store.close_maps()
