"""A DISC-style folder: query_images/, reference_images/ and ground_truth.csv."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from imgfp.errors import InputError
from imgfp.files import hash_file, hash_value
from imgfp.images import ImageList, hash_images
from imgfp.records import GroundTruth


@dataclass(frozen=True)
class DiscSet:
    """Queries, references and ground truth of a DISC-style folder."""

    root: Path
    queries: ImageList
    references: ImageList
    truth: GroundTruth

    @classmethod
    def open(cls, root: Path) -> "DiscSet":
        """Opens `root`; raises InputError unless it contains query_images/, reference_images/ and ground_truth.csv."""
        if not root.is_dir():
            raise InputError(f"{root}: no such folder: give a DISC-style folder (data.root=DIR, or IMGFP_DATA)")
        queries, references = (ImageList.from_disc(root, part) for part in ("query", "reference"))
        return cls(root, queries, references, GroundTruth.read_csv(root / "ground_truth.csv"))

    @cached_property
    def digest(self) -> str:
        """A hash of the ids and bytes of all images and of the ground truth."""
        return digest_of_set(self.queries, self.references, self.root / "ground_truth.csv")


def digest_of_set(queries: ImageList, references: ImageList, ground_truth: Path) -> str:
    """A hash of the ids and bytes of all images and of the ground truth: all programs know a data set by it."""
    return hash_value([[hash_images(queries), hash_images(references)], hash_file(ground_truth)])


def background_images(choice: str, root: Path) -> ImageList:
    """Images of a background set: a folder, or "training", the training images below `root`."""
    return ImageList.from_disc(root, "training") if choice == "training" else ImageList.open(Path(choice))
