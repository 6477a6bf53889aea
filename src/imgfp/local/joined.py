"""Several feature stores as one source, without excluded images."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from imgfp.files import hash_value
from imgfp.local.features import LocalFeatures
from imgfp.local.store import FeatureStore


class JoinedFeatures:
    """A `FeatureSource` of the images of all stores in order, without those whose ids are in `excluded`.

    `places`: for each store (images,) int32, the positions of its images in this source, -1 for excluded images.
    """

    def __init__(self, stores: Sequence[FeatureStore], excluded: Collection[str] = ()) -> None:
        self.stores = tuple(stores)
        removed = set(excluded)
        kept = [np.array([image_id not in removed for image_id in store.ids], dtype=bool) for store in stores]
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
        unchanged = len(stores) == 1 and not removed
        self.fingerprint = (
            stores[0].fingerprint if unchanged else hash_value([[s.fingerprint for s in stores], sorted(removed)])
        )

    def __len__(self) -> int:
        return len(self.ids)

    def get(self, index: int) -> LocalFeatures:
        """Features of one image, by position."""
        store = int(np.searchsorted(self._first, index, side="right")) - 1
        return self.stores[store].get(int(self._rows[store][index - self._first[store]]))

    def blocks(self) -> Iterator[np.ndarray]:
        """All descriptors in order, one shard at a time."""
        for store, places in zip(self.stores, self.places, strict=True):
            complete = bool((places >= 0).all())
            owners = np.repeat(places, np.diff(store.offsets)) if not complete else places
            first = 0
            for block in store.blocks():
                yield block if complete else block[owners[first : first + len(block)] >= 0]
                first += len(block)
            store.close_maps()
