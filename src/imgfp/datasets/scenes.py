"""Scenes: photographs of several places in one pool, with labels of overlap (`image_list.txt`, `gt_pairs`)."""

from pathlib import Path

from imgfp.datasets.matchable_set import MatchableSet, read_names, read_pairs, without_self
from imgfp.metrics import Protocol

PROTOCOL = Protocol(depth=50)


def open_scenes(root: Path) -> MatchableSet:
    """Opens a folder with `image_list.txt` (SCENE/images/NAME.jpg per line) and `gt_pairs` (directed index pairs).

    Every photograph is a query against all photographs but itself; those without positives are not averaged.

    Raises:
        InputError: the folder is not of this form, or its ground truth does not belong to its list.
    """
    names = read_names(root / "image_list.txt", "photographs")
    truth = without_self(read_pairs(root / "gt_pairs", len(names), len(names)))
    caveats = (
        "positives are pairs that share SIFT matches in a reconstruction, which favours SIFT",
        "queries of a scene depend on each other, so intervals over queries are too narrow",
    )
    groups = tuple(name.split("/")[0] for name in names)
    return MatchableSet("scenes", root, names, names, {"": truth}, PROTOCOL, caveats, groups)
