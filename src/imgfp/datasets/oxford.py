"""Oxford5k and Paris6k: text files `QUERY_good.txt`, `_ok.txt`, `_junk.txt` and `_query.txt` per query."""

from pathlib import Path

import numpy as np

from imgfp.datasets.matchable_set import CAVEAT_WHOLE, MatchableSet, list_images, read_names
from imgfp.errors import InputError
from imgfp.files import read_lines
from imgfp.metrics import Protocol, Relevance

TRUTH_FOLDERS = ("groundtruth", "gt", "gt_files", "gt_files_170407", "paris_120310")
IMAGE_FOLDERS = ("images", "jpg", "oxbuild_images", "paris")
_PREFIX = "oxc1_"  # in front of the image's name in Oxford's query files


def open_oxford(
    root: Path,
    name: str,
    image_list: Path | None = None,
    query_list: Path | None = None,
    ground_truth: Path | None = None,
) -> MatchableSet:
    """Opens Oxford5k or Paris6k in the published layout, or the lists that a result was made with.

    Positives are good and ok images; junk takes no place in the ranking.

    Args:
        root: The folder.
        name: "oxford" or "paris", for reports.
        image_list: The database; default `image_list.txt` in `root` where it exists, else all images, sorted.
        query_list: Names of the queries; default `query_list.txt` where it exists, else those of the ground truth, sorted.
        ground_truth: Folder of the text files; default the first of `groundtruth`, `gt`, ... in `root`.

    Raises:
        InputError: a missing file, a query without positives, ground truth that names unknown images.
    """
    folder = ground_truth or next((root / each for each in TRUTH_FOLDERS if (root / each).is_dir()), None)
    if folder is None or not folder.is_dir():
        raise InputError(
            f"{folder or root}: no folder of ground truth ({', '.join(TRUTH_FOLDERS)}): give data.ground_truth=DIR"
        )
    listed, default_queries = root / "image_list.txt", root / "query_list.txt"
    if image_list or listed.is_file():
        database = read_names(image_list or listed, "images")
    else:
        database = list_images(root, next((root / each for each in IMAGE_FOLDERS if (root / each).is_dir()), root))
    if query_list or default_queries.is_file():
        names = read_names(query_list or default_queries, "queries")
    else:
        names = tuple(sorted(path.name.removesuffix("_good.txt") for path in folder.glob("*_good.txt")))
    positions = {_stem(each): index for index, each in enumerate(database)}
    positives, junk = [], []
    for query in names:
        good, ok, ignored = (
            _indices(folder / f"{_stem(query)}_{part}.txt", positions) for part in ("good", "ok", "junk")
        )
        positives.append(np.unique(np.array([*good, *ok], dtype=np.int64)))
        junk.append(np.array(ignored, dtype=np.int64))
        if not len(positives[-1]):
            raise InputError(
                f"{folder}: query {query} has no positive, so its AP is undefined: remove it from the list"
            )
    queries = tuple(_query_image(folder, query, database, positions) for query in names)
    truth = Relevance(tuple(positives), tuple(junk))
    return MatchableSet(name, root, database, queries, {"": truth}, Protocol(), (CAVEAT_WHOLE,))


def _stem(name: str) -> str:
    return name.rsplit("/", 1)[-1].removesuffix(".jpg").removesuffix(".npy")


def _indices(path: Path, positions: dict[str, int]) -> list[int]:
    found = []
    for number, line in enumerate(read_lines(path, "the benchmark's ground truth"), start=1):
        name = _stem(line.strip())
        if not name:
            continue
        if name not in positions:
            raise InputError(
                f"{path} line {number}: {name!r} is not in the image list: list the image, or remove the line"
            )
        found.append(positions[name])
    return found


def _query_image(folder: Path, query: str, database: tuple[str, ...], positions: dict[str, int]) -> str:
    """The image of a query, from its `_query.txt`; the query's own name where there is no such file."""
    path = folder / f"{_stem(query)}_query.txt"
    if not path.is_file():
        return query
    words = path.read_text(encoding="utf-8", errors="replace").split()
    name = words[0].removeprefix(_PREFIX) if words else ""
    if name not in positions:
        raise InputError(f"{path}: {name!r} is not in the image list: list the image, or fix the file")
    return database[positions[name]]
