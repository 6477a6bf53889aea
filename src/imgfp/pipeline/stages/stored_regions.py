"""Regional features of a finished stage, read from its files a few images at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imgfp.errors import InputError
from imgfp.pipeline.stages.regions import region_shards


@dataclass(frozen=True)
class StoredRegions:
    """Like an array (images, regions, dim) float32, not normalised, of which a slice of images is read when it is taken.

    Attributes:
        folder: Folder of the stage.
        ids: The n images.
        places: (n, 2) int64, the shard and the row of each.
        shape: (n, regions, dim).
    """

    folder: Path
    ids: tuple[str, ...]
    places: np.ndarray
    shape: tuple[int, ...]

    @classmethod
    def open(cls, folder: Path) -> "StoredRegions":
        """All images of a stage.

        Raises:
            InputError: the stage is not finished, or no image could be read.
        """
        ids: list[str] = []
        places: list[tuple[int, int]] = []
        shape: tuple[int, ...] = ()
        for number, shard in enumerate(region_shards(folder)):
            ids += shard.ids
            places += [(number, row) for row in range(len(shard))]
            shape = shard.values.shape[1:]
        if not ids:
            raise InputError(f"{folder}: none of its images could be read: see the listed failures")
        return cls(folder, tuple(ids), np.array(places), (len(ids), *shape))

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, images: slice, /) -> np.ndarray:
        numbers, rows = self.places[images].T
        values = np.empty((len(rows), *self.shape[1:]), np.float32)
        for number in np.unique(numbers):
            here = numbers == number
            shard = np.load(self.folder / f"{number:05d}.npy", mmap_mode="r", allow_pickle=False)
            values[here] = shard[rows[here]]
        return values

    def select(self, rows: Sequence[int]) -> "StoredRegions":
        """Some of the images, in this order."""
        ids = tuple(self.ids[row] for row in rows)
        return replace(self, ids=ids, places=self.places[list(rows)], shape=(len(ids), *self.shape[1:]))
