"""Other training photographs, as backgrounds and to be pasted over a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np

from imgfp.errors import InputError
from imgfp.images.decode import read_rgb
from imgfp.images.failure import Failure

_LONGEST_SEARCH = 100


class PhotographPool(Sequence[np.ndarray]):
    """Photographs that are decoded when an edit asks for one; nothing is kept.

    A cache would be hit about never, because draws are even over thousands of photographs; decoding one costs about as much as
    one edit. The photograph that is being edited, and one that cannot be read, are passed over for the next.

    Attributes:
        edited: Number of the photograph that is being edited now; -1: none of these.
        smallest: Neither side of a photograph needs to be longer, in pixels; None: all of it (see `read_rgb`).
        failures: (path, reason) met since the list was last emptied.
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
            picture = read_rgb(Path(self._paths[number]), self.smallest)
            if not isinstance(picture, Failure):
                return picture
            self.failures.append((str(picture.path), picture.reason))
        raise InputError(
            f"{self._paths[place]} and the photographs behind it cannot be read, so none is there to paste: "
            "mend or remove them"
        )
