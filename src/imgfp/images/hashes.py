"""Which images a list holds, as hashes: of their bytes, or of names and sizes where a million files must be cheap."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from imgfp.files import hash_file, hash_value
from imgfp.images.image_list import ImageList
from imgfp.progress import track
from imgfp.threads import thread_count

UNREADABLE = "unreadable"


def hash_images(images: ImageList) -> list[list[str]]:
    """[id, sha256 of the file] of each image; a file that cannot be read counts as "unreadable"."""
    with ThreadPoolExecutor(thread_count()) as pool:
        digests = list(track(pool.map(_hash, images.paths), len(images), "reading pictures"))
    return [list(row) for row in zip(images.ids, digests, strict=True)]


def digest_of(paths: tuple[Path, ...]) -> str:
    """A hash of file names and sizes: cheap for a million files, and enough to notice other pictures."""
    return hash_value([[path.name, path.stat().st_size] for path in paths])


def _hash(path: Path) -> str:
    try:
        return hash_file(path)
    except OSError:
        return UNREADABLE
