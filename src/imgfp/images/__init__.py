"""Image lists and ids, safe decoding, named failures."""

from imgfp.images.decode import read_rgb, rgb_of
from imgfp.images.failure import Failure, write_failures
from imgfp.images.hashes import UNREADABLE, digest_of, hash_images
from imgfp.images.image_list import IMAGE_SUFFIXES, ImageList
from imgfp.images.pool import PhotographPool
from imgfp.images.resize import read_resized, resized
from imgfp.images.size import FileSize, file_size
from imgfp.images.source import Images, LoadedImages, Source, source_resized, source_rgb, source_size

__all__ = [
    "IMAGE_SUFFIXES",
    "UNREADABLE",
    "Failure",
    "FileSize",
    "ImageList",
    "Images",
    "LoadedImages",
    "PhotographPool",
    "Source",
    "digest_of",
    "file_size",
    "hash_images",
    "read_resized",
    "read_rgb",
    "resized",
    "rgb_of",
    "source_resized",
    "source_rgb",
    "source_size",
    "write_failures",
]
