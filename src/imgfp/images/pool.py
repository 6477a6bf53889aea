"""A pool of other photographs that edits use as backgrounds and overlays."""

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np

from imgfp.errors import InputError
from imgfp.images.decode import read_rgb
from imgfp.images.failure import Failure

_LONGEST_SEARCH = 100


class PhotographPool(Sequence[np.ndarray]):
    """Photographs, decoded on access and not cached.

    A cache would almost never be hit, because draws are uniform over thousands of photographs; decoding one costs about as
    much as one edit. The photograph that is being edited and unreadable ones are replaced by the next in the list.

    Attributes:
        edited: Index of the photograph that is being edited now; -1: none of the pool.
        smallest: Lower bound in pixels for both sides of a reduced decode (see `read_rgb`); None: full size.
        failures: (path, reason) of unreadable files since the list was last cleared.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths
        self.edited = -1
        self.smallest: int | None = None
        self.failures: list[tuple[str, str]] = []

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, place: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[np.ndarray]: ...
    def __getitem__(self, place: int | slice) -> np.ndarray | Sequence[np.ndarray]:
        """(h, w, 3) uint8 RGB.

        Raises:
            InputError: none of the next 100 photographs can be read.
        """
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        for step in range(min(len(self), _LONGEST_SEARCH)):
            number = (place + step) % len(self)
            if number == self.edited:
                continue
            photograph = read_rgb(Path(self._paths[number]), self.smallest)
            if not isinstance(photograph, Failure):
                return photograph
            self.failures.append((str(photograph.path), photograph.reason))
        raise InputError(f"{self._paths[place]} and the photographs after it cannot be read: fix or remove these files")
