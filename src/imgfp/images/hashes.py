"""Hashes of an image list: of file contents, or of names and sizes, which stays cheap for a million files."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from imgfp.files import hash_file, hash_value
from imgfp.images.image_list import ImageList
from imgfp.progress import track
from imgfp.threads import thread_count

UNREADABLE = "unreadable"


def hash_images(images: ImageList) -> list[list[str]]:
    """[id, sha256 of the file] per image; "unreadable" in place of the hash of a file that cannot be read."""
    with ThreadPoolExecutor(thread_count()) as pool:
        digests = list(track(pool.map(_hash, images.paths), len(images), "hashing images"))
    return [list(row) for row in zip(images.ids, digests, strict=True)]


def digest_of(paths: tuple[Path, ...]) -> str:
    """A hash of file names and sizes: cheap for a million files, and enough to detect different images."""
    return hash_value([[path.name, path.stat().st_size] for path in paths])


def _hash(path: Path) -> str:
    try:
        return hash_file(path)
    except OSError:
        return UNREADABLE
