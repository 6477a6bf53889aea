"""Image size, read from the file header."""

from pathlib import Path
from typing import NamedTuple

from PIL import Image

from imgfp.images.decode import orientation


class FileSize(NamedTuple):
    """Width and height in pixels, EXIF orientation applied, and file size in bytes."""

    width: int
    height: int
    bytes: int


def file_size(path: Path) -> FileSize | None:
    """The size of an image file; None if the file is missing or not an image."""
    try:
        with Image.open(path) as image:
            width, height = image.size if orientation(image) < 5 else image.size[::-1]
        return FileSize(width, height, path.stat().st_size)
    except Exception:  # decoders raise OSError, ValueError, SyntaxError, struct.error, ...
        return None
