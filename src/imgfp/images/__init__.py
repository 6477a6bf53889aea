"""Image lists and ids, safe decoding, named failures (floor 0)."""

from imgfp.images.decode import read_rgb
from imgfp.images.failure import Failure, write_failures
from imgfp.images.image_list import IMAGE_SUFFIXES, ImageList

__all__ = ["IMAGE_SUFFIXES", "Failure", "ImageList", "read_rgb", "write_failures"]
