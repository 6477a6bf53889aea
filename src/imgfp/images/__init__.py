"""Image lists and ids, safe decoding, named failures (layer 0)."""

from imgfp.images.decode import read_rgb
from imgfp.images.failure import Failure, write_failures
from imgfp.images.hashes import UNREADABLE, digest_of, hash_images
from imgfp.images.image_list import IMAGE_SUFFIXES, ImageList
from imgfp.images.pool import PhotographPool
from imgfp.images.resize import read_resized, resized
from imgfp.images.size import FileSize, file_size

__all__ = [
    "IMAGE_SUFFIXES",
    "UNREADABLE",
    "Failure",
    "FileSize",
    "ImageList",
    "PhotographPool",
    "digest_of",
    "file_size",
    "hash_images",
    "read_resized",
    "read_rgb",
    "resized",
    "write_failures",
]
