"""Image lists and ids, safe decoding, named failures (floor 0)."""

from imgfp.images.decode import read_rgb
from imgfp.images.failure import Failure, write_failures
from imgfp.images.image_list import IMAGE_SUFFIXES, ImageList
from imgfp.images.pool import PhotographPool
from imgfp.images.size import FileSize, file_size
from imgfp.images.squash import read_squashed, squashed

__all__ = [
    "IMAGE_SUFFIXES",
    "Failure",
    "FileSize",
    "ImageList",
    "PhotographPool",
    "file_size",
    "read_rgb",
    "read_squashed",
    "squashed",
    "write_failures",
]
