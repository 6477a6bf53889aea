"""Files of a collection with identical bytes: known without decoding, so compared once."""

from collections.abc import Iterable
from typing import NamedTuple

from imgfp.images import UNREADABLE, Failure, ImageList, hash_images


class Distinct(NamedTuple):
    """`images`: the first of every set of equal files. `again`: the others of a set, by the id of its first."""

    images: ImageList
    again: dict[str, tuple[str, ...]]

    def failures(self, failed: Iterable[Failure], images: ImageList) -> tuple[Failure, ...]:
        """Each failure once, and one for each file that is equal to a failed one. `images`: the whole collection."""
        paths = dict(zip(images.ids, images.paths, strict=True))
        ids = dict(zip(images.paths, images.ids, strict=True))
        found: dict[Failure, None] = {}
        for failure in failed:
            for image_id in (ids[failure.path], *self.again.get(ids[failure.path], ())):
                found[Failure(paths[image_id], failure.reason)] = None
        return tuple(found)


def distinct_files(images: ImageList) -> Distinct:
    """Separates equal files; those that cannot be read are equal to none."""
    first: dict[str, str] = {}
    again: dict[str, list[str]] = {}
    kept = []
    for row, (image_id, digest) in enumerate(hash_images(images)):
        if digest == UNREADABLE or digest not in first:
            first[digest] = image_id
            kept.append(row)
        else:
            again.setdefault(first[digest], []).append(image_id)
    return Distinct(images.take(kept), {image_id: tuple(others) for image_id, others in again.items()})
