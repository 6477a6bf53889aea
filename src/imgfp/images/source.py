"""An image in a file or in memory, read the same way."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from imgfp.images.decode import read_rgb
from imgfp.images.failure import Failure
from imgfp.images.resize import read_resized, resized
from imgfp.images.size import FileSize, file_size

Source = Path | np.ndarray  # an image file, or (height, width, 3) uint8 RGB


class Images(Protocol):
    """Images in a fixed order, by unique ids."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The id of each."""
        ...

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where each is read from."""
        ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class LoadedImages:
    """Images of which some are in memory."""

    ids: tuple[str, ...]
    sources: tuple[Source, ...]

    def __len__(self) -> int:
        return len(self.ids)


def source_rgb(source: Source) -> np.ndarray | Failure:
    """(height, width, 3) uint8 RGB, as `read_rgb`."""
    return source if isinstance(source, np.ndarray) else read_rgb(source)


def source_resized(source: Source, size: int) -> np.ndarray | Failure:
    """(size, size, 3) uint8 RGB, as `read_resized`."""
    return resized(source, size) if isinstance(source, np.ndarray) else read_resized(source, size)


def source_size(source: Source) -> FileSize | None:
    """Width, height and bytes; an image in memory has no file, so 0 bytes."""
    return FileSize(source.shape[1], source.shape[0], 0) if isinstance(source, np.ndarray) else file_size(source)
