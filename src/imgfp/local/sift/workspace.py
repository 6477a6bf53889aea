"""Memory that a thread uses again for each picture: fresh pages can cost more than the filters that fill them."""

import threading
from math import prod

import numpy as np

_MOST = 1 << 23  # float32 values that are kept for one name (32 MiB); what is larger is made and dropped


class Workspace(threading.local):
    """Named float32 arrays, each valid until the same thread takes the same name again."""

    def __init__(self) -> None:
        self._kept: dict[str, np.ndarray] = {}

    def take(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """An array of any content."""
        size = prod(shape)
        if size > _MOST:
            return np.empty(shape, np.float32)
        if name not in self._kept or self._kept[name].size < size:
            self._kept[name] = np.empty(size, np.float32)
        return self._kept[name][:size].reshape(shape)
