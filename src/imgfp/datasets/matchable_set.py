"""A benchmark of matchable retrieval: database, queries, what is right for each query, and how it is evaluated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imgfp.errors import InputError
from imgfp.files import hash_value, read_lines
from imgfp.metrics import MatchableMetrics, Protocol, Relevance, evaluate_rankings
from imgfp.records.index_lines import read_index_lines
from imgfp.records.match_pairs import MatchPairs

CAVEAT_WHOLE = "queries are whole images, not cropped to the benchmark's boxes"


@dataclass(frozen=True)
class MatchableSet:
    """Queries and database by position in their lists; image files are not needed to evaluate an existing result.

    Attributes:
        name: The benchmark.
        root: Its folder.
        database, queries: Image names, relative to `root`.
        truth: Relevance by subset: "" for the only one; easy, medium and hard of the revisited benchmarks.
        protocol: What counts.
        caveats: What to print beside the figures.
        groups: The scene of each query; empty where the benchmark has none.
    """

    name: str
    root: Path
    database: tuple[str, ...]
    queries: tuple[str, ...]
    truth: Mapping[str, Relevance]
    protocol: Protocol
    caveats: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for subset, relevance in self.truth.items():
            if not any(len(positives) for positives in relevance.positives):
                raise InputError(
                    f"{self.root}: no query has a positive{f' ({subset})' if subset else ''}, so mAP is undefined: give "
                    "ground truth that belongs to the image list"
                )

    @property
    def digest(self) -> str:
        """A hash of lists and ground truth."""
        parts = {
            name: [[each.tolist() for each in arrays] for arrays in (relevance.positives, relevance.ignored)]
            for name, relevance in self.truth.items()
        }
        return hash_value([self.database, self.queries, parts])

    def evaluate(self, answers: MatchPairs, where: object) -> dict[str, MatchableMetrics]:
        """The metrics of every subset. `where`: where the answers come from, for messages.

        Raises:
            InputError: the answers name images beyond the lists.
        """
        answers.require_within(len(self.queries), len(self.database), where)
        rankings = answers.answers_of(len(self.queries))
        return {name: evaluate_rankings(rankings, relevance, self.protocol) for name, relevance in self.truth.items()}


def read_names(path: Path, what: str) -> tuple[str, ...]:
    """The names in a list, one per line; a line's number from 0 is the image's index.

    Raises:
        InputError: no such file, an empty list or line, a name given twice.
    """
    lines = read_lines(path, f"the list of {what}")
    names: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        name = line.strip()
        if not name:
            raise InputError(f"{path} line {number}: empty, and line numbers are indices: remove the line")
        if name in names:
            raise InputError(f"{path} line {number}: {name!r} repeats line {names[name]}: remove one")
        names[name] = number
    if not names:
        raise InputError(f"{path}: the list is empty: give one name per line")
    return tuple(names)


def list_images(root: Path, folder: Path, suffixes: Sequence[str] = (".jpg", ".jpeg", ".png")) -> tuple[str, ...]:
    """The images below a folder, relative to `root`, sorted by file name.

    Raises:
        InputError: no such folder, or it has no image.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder: give data.image_list=FILE, or the images")
    found = [path for path in folder.rglob("*") if path.suffix.lower() in suffixes]
    if not found:
        raise InputError(f"{folder}: no images: give data.image_list=FILE, or the images")
    return tuple(path.relative_to(root).as_posix() for path in sorted(found, key=lambda path: (path.stem, path)))


def read_pairs(path: Path, queries: int, database: int) -> list[list[int]]:
    """Positives from lines `<query index> <database index> ...`; further columns are ignored.

    Raises:
        InputError: no such file, a malformed line, an index beyond the lists.
    """
    found: list[list[int]] = [[] for _ in range(queries)]
    form = "<query index> <database index>"
    for where, query, image, _ in read_index_lines(path, f"ground truth with lines '{form}'", form):
        for value, count in ((query, queries), (image, database)):
            if not 0 <= value < count:
                raise InputError(
                    f"{where}: index {value}, but the image list has {count} images: give the list that "
                    "the ground truth was made with"
                )
        found[query].append(image)
    return found


def without_self(positives: Sequence[Sequence[int]]) -> Relevance:
    """Relevance where database and queries are the same list: the query itself is neither positive nor a place."""
    kept = tuple(
        np.array([image for image in images if image != query], dtype=np.int64)
        for query, images in enumerate(positives)
    )
    return Relevance(kept, tuple(np.array([query]) for query in range(len(kept))))
