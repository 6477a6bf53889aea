"""Buffers that a thread reuses for each image: allocating new pages can cost more than the filters that fill them."""

import threading
from math import prod

import numpy as np

_MAX_SIZE = 1 << 23  # float32 values per reused buffer (32 MiB); larger arrays are allocated each time


class Workspace(threading.local):
    """Named float32 buffers, each valid until the same thread takes the same name again."""

    def __init__(self) -> None:
        self._kept: dict[str, np.ndarray] = {}

    def take(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """An uninitialised array."""
        size = prod(shape)
        if size > _MAX_SIZE:
            return np.empty(shape, np.float32)
        if name not in self._kept or self._kept[name].size < size:
            self._kept[name] = np.empty(size, np.float32)
        return self._kept[name][:size].reshape(shape)
