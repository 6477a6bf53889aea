"""The revisited Oxford and Paris benchmarks (Radenović et al., CVPR 2018): easy, medium and hard subsets of the positives."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from imgfp.datasets.matchable_set import CAVEAT_WHOLE, MatchableSet
from imgfp.errors import InputError
from imgfp.metrics import Protocol, Relevance

# per subset: which lists are positives, which take no place in the ranking
SUBSETS = {
    "easy": (("easy",), ("junk", "hard")),
    "medium": (("easy", "hard"), ("junk",)),
    "hard": (("hard",), ("junk", "easy")),
}
_LISTS = ("easy", "hard", "junk")


def open_revisited(root: Path, name: str, ground_truth: Path | None = None) -> MatchableSet:
    """Opens ROxford5k or RParis6k.

    Args:
        root: Folder with `jpg/` and the ground truth.
        name: "roxford" or "rparis".
        ground_truth: The published ground truth as JSON (`imgfp convert-pickle`); default `gnd_NAME*.json` in `root`.

    Raises:
        InputError: no such file, a file of another form, indices beyond the image list.
    """
    path = ground_truth or next(iter(sorted(root.glob(f"gnd_{name}*.json"))), None)
    if path is None or not path.is_file():
        pickled = next(iter(sorted(root.glob(f"gnd_{name}*.pkl"))), root / f"gnd_{name}.pkl")
        raise InputError(
            f"{path or root}: no ground truth gnd_{name}*.json: convert the published file once with "
            f"'imgfp convert-pickle {pickled.name} {pickled.stem}.json', or give data.ground_truth=FILE"
        )
    try:
        content = json.loads(path.read_bytes())
        database, queries = (_names(content[key]) for key in ("imlist", "qimlist"))
        entries = content["gnd"]
        if len(entries) != len(queries):
            raise ValueError(f"{len(queries)} queries, but ground truth of {len(entries)}")
        lists = [{part: _indices(entry, part, len(database)) for part in _LISTS} for entry in entries]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path}: not the benchmark's ground truth ({error}): convert the published file again"
        ) from None
    truth = {
        subset: Relevance(*(tuple(np.concatenate([each[part] for part in parts]) for each in lists) for parts in both))
        for subset, both in SUBSETS.items()
    }
    return MatchableSet(name, root, database, queries, truth, Protocol(), (CAVEAT_WHOLE,))


def _names(value: Any) -> tuple[str, ...]:
    """Names of images without suffix, as paths of the published layout."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError("imlist and qimlist are not lists of names")
    return tuple(f"jpg/{name}.jpg" for name in value)


def _indices(entry: dict[str, Any], part: str, images: int) -> np.ndarray:
    """One list of database indices."""
    values = entry[part]
    if not isinstance(values, list) or not all(type(value) is int for value in values):
        raise ValueError(f"{part} is not a list of indices")
    if values and not 0 <= min(values) <= max(values) < images:
        raise ValueError(f"{part} has an index outside the {images} images")
    return np.array(values, dtype=np.int64)
