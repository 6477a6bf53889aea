"""How large a picture is, from its header."""

from pathlib import Path
from typing import NamedTuple

from PIL import Image

from imgfp.images.decode import orientation


class FileSize(NamedTuple):
    """Pixels as the picture is shown (EXIF orientation applied), and bytes of its file."""

    width: int
    height: int
    bytes: int


def file_size(path: Path) -> FileSize | None:
    """None for a file that is not there or is no picture."""
    try:
        with Image.open(path) as image:
            width, height = image.size if orientation(image) < 5 else image.size[::-1]
        return FileSize(width, height, path.stat().st_size)
    except Exception:  # decoders raise OSError, ValueError, SyntaxError, struct.error, ...
        return None
