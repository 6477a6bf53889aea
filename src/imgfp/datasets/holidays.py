"""INRIA Holidays: NNNNGG.jpg; images with the same number // 100 show the same scene, and GG = 00 is its query."""

from collections import defaultdict
from pathlib import Path

import numpy as np

from imgfp.datasets.matchable_set import MatchableSet, list_images, read_names
from imgfp.errors import InputError
from imgfp.metrics import Protocol, Relevance


def open_holidays(root: Path, image_list: Path | None = None, query_list: Path | None = None) -> MatchableSet:
    """Opens the folder of the images.

    Args:
        root: Folder with the images; `jpg` below it is looked into where it exists.
        image_list, query_list: The database and the queries; default `db_list.txt` and `query_list.txt` in `root` where
            they exist, else all images, and those whose number is divisible by 100.

    Raises:
        InputError: a name that is not a number, a query that is not in the database, a query without another image.
    """
    default_list, default_queries = root / "db_list.txt", root / "query_list.txt"
    if image_list or default_list.is_file():
        names = read_names(image_list or default_list, "images")
    else:
        names = list_images(root, root / "jpg" if (root / "jpg").is_dir() else root)
    if query_list or default_queries.is_file():
        queries = read_names(query_list or default_queries, "queries")
    else:
        queries = tuple(name for name in names if _number(name) % 100 == 0)
    positions = {Path(name).name: index for index, name in enumerate(names)}
    scenes: dict[int, list[int]] = defaultdict(list)
    for index, name in enumerate(names):
        scenes[_number(name) // 100].append(index)
    positives, own = [], []
    for query in queries:
        position = positions.get(Path(query).name)
        if position is None:
            raise InputError(f"query {query}: not in the image list: give the lists of one data set")
        others = [index for index in scenes[_number(query) // 100] if index != position]
        if not others:
            raise InputError(f"query {query}: no other image of its scene in the image list: give the complete set")
        positives.append(np.array(others))
        own.append(np.array([position]))
    truth = Relevance(tuple(positives), tuple(own))
    return MatchableSet("holidays", root, names, queries, {"": truth}, Protocol())


def _number(name: str) -> int:
    stem = Path(name).stem
    if not (stem.isascii() and stem.isdigit()):
        raise InputError(f"{name}: not named by a number, as the images of Holidays are: fix the list")
    return int(stem)
