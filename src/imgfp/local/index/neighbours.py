"""The interface of an index of local descriptors, and the exhaustive index."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from imgfp.local.features import Transform
from imgfp.local.index.nearest import nearest
from imgfp.local.store import FeatureSource
from imgfp.progress import advance


@dataclass(frozen=True)
class Neighbours:
    """The k nearest indexed descriptors of n query descriptors, in each of several transforms.

    `distances`: (transforms, n, k) int32 squared distances, ascending, 2^31 - 1 of missing ones; a compressed index gives
    estimates. `owners`: (transforms, n, k) int32, positions of the images they belong to, -1 of missing ones.
    `rows`: (transforms, n, k) int64, numbers that identify the descriptors within the index.
    """

    distances: np.ndarray
    owners: np.ndarray
    rows: np.ndarray

    def of(self, start: int, stop: int) -> "Neighbours":
        """Those of query descriptors `start` to `stop`."""
        return Neighbours(self.distances[:, start:stop], self.owners[:, start:stop], self.rows[:, start:stop])

    def without(self, owner: int, k: int) -> "Neighbours":
        """The k nearest that are not of one image.

        Missing ones have owner and row -1 and the distance of the farthest found: there may be others beyond it, none
        nearer.
        """
        order = np.argsort(self.owners == owner, axis=2, kind="stable")[:, :, :k]
        distances, owners, rows = (
            np.take_along_axis(values, order, axis=2) for values in (self.distances, self.owners, self.rows)
        )
        dropped = owners == owner
        return Neighbours(
            np.where(dropped, self.distances[:, :, -1:], distances),
            np.where(dropped, -1, owners),
            np.where(dropped, -1, rows),
        )


class DescriptorIndex(Protocol):
    """Local descriptors of many images, ready to be searched."""

    ids: tuple[str, ...]  # of the images that `Neighbours.owners` counts
    fingerprint: str  # a hash of everything that decides results
    descriptors: int  # their number

    def search(self, queries: np.ndarray, k: int, transforms: Sequence[Transform], units: int = 0) -> Neighbours:
        """The k nearest of (n, 128) uint8 `queries`; advances the progress bar by `units` meanwhile."""
        ...

    def needs(self, queries: int, k: int, transforms: int) -> str:
        """What a search with so many query descriptors at a time does and needs, in words, for the log."""
        ...


class ExactIndex:
    """Compares with every descriptor of a feature source, which is read once per search, a block at a time."""

    def __init__(self, source: FeatureSource) -> None:
        self._source = source
        self.ids, self.fingerprint = source.ids, source.fingerprint
        self.descriptors = int(source.offsets[-1])

    def search(self, queries: np.ndarray, k: int, transforms: Sequence[Transform], units: int = 0) -> Neighbours:
        """See `DescriptorIndex`."""
        distances, rows = nearest(queries, self._watched(units), k, transforms)
        owners = np.searchsorted(self._source.offsets, rows, side="right") - 1
        return Neighbours(distances, np.where(rows < 0, -1, owners).astype(np.int32), rows)

    def needs(self, queries: int, k: int, transforms: int) -> str:
        """See `DescriptorIndex`."""
        megabytes = queries * transforms * (128 * 4 / transforms + 12 * k) / 1e6 + 100
        return f"all {self.descriptors:,} reference descriptors (exact), about {megabytes:,.0f} MB"

    def _watched(self, units: int) -> Iterator[np.ndarray]:
        seen = shown = 0
        for block in self._source.blocks():
            yield block
            seen += len(block)
            now = units * seen // max(1, self.descriptors)
            advance(now - shown)
            shown = now
