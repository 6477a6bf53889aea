"""Copies of one image as a group, and the files `pairs.csv` and `groups.csv`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from imgfp.files import write_csv
from imgfp.fusion import COPIES
from imgfp.images import FileSize, ImageList, file_size
from imgfp.pipeline.answers import Answer

PAIRS_HEADER = (
    *("image_a", "image_b", "probability", "label", "inliers", "mirrored", "inverted"),
    *("width_a", "height_a", "bytes_a", "width_b", "height_b", "bytes_b"),
)
GROUPS_HEADER = ("group", "image_id", "path", "width", "height", "bytes", "largest")


@dataclass(frozen=True)
class Member:
    """An image of a group. `size`: None for a file that is gone."""

    image_id: str
    path: Path
    size: FileSize | None

    @property
    def rank(self) -> tuple[int, int, str]:
        """Sorts the likely original first: most pixels, then most bytes, then by id."""
        width, height, count = self.size or (0, 0, 0)
        return -width * height, -count, self.image_id


Group = tuple[Member, ...]  # the likely original first


def groups_of(answers: Iterable[Answer], images: ImageList) -> tuple[Group, ...]:
    """Images that pairs called copies connect, directly or through others; the largest groups first."""
    parent: dict[str, str] = {}

    def root(image_id: str) -> str:
        parent.setdefault(image_id, image_id)
        while parent[image_id] != image_id:
            parent[image_id] = image_id = parent[parent[image_id]]  # halves the way for the next time
        return image_id

    for answer in answers:
        if answer.label in COPIES:
            parent[root(answer.reference_id)] = root(answer.query_id)
    paths = dict(zip(images.ids, images.paths, strict=True))
    together: dict[str, list[Member]] = {}
    for image_id in sorted(parent):
        together.setdefault(root(image_id), []).append(Member(image_id, paths[image_id], file_size(paths[image_id])))
    groups = [tuple(sorted(members, key=lambda member: member.rank)) for members in together.values()]
    return tuple(sorted(groups, key=lambda group: (-len(group), group[0].image_id)))


def write_pairs(path: Path, answers: Iterable[Answer]) -> None:
    """Every pair, the most probable first; inliers, mirrored and inverted are empty where the bytes are equal."""
    write_csv(path, PAIRS_HEADER, map(_pair_row, answers))


def write_groups(path: Path, groups: Sequence[Group]) -> None:
    """One row per image; "largest" is yes for the likely original of each group."""
    rows = [
        [number, member.image_id, member.path, *(member.size or ("", "", "")), "yes" if place == 0 else "no"]
        for number, group in enumerate(groups, start=1)
        for place, member in enumerate(group)
    ]
    write_csv(path, GROUPS_HEADER, rows)


def _pair_row(answer: Answer) -> list[object]:
    item = answer.evidence
    seen: list[object] = ["", "", ""] if item is None else [item.inliers, item.mirrored, item.inverted]
    sizes = [*(answer.query_size or ("", "", "")), *(answer.reference_size or ("", "", ""))]
    return [answer.query_id, answer.reference_id, answer.score, answer.label, *seen, *sizes]
