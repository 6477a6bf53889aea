"""Refuses to validate a network on queries that it is trained on."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from imgfp.errors import InputError
from imgfp.files import hash_file
from imgfp.images import ImageList


def refuse_overlap(trained: ImageList | None, validated: ImageList | None) -> dict[str, str]:
    """Compares queries by file, then by content.

    Args:
        trained: The queries that are trained on; None: none.
        validated: The queries of the validation set, distractors included; None: no validation.

    Returns:
        What the run's tags say: `trained_on_queries` and `validated_on`, a count and a folder each, or "none".

    Raises:
        InputError: a query is in both: the same file, or another one with the same bytes.
    """
    if trained is not None and validated is not None:
        both = _same_files(trained, validated) or _same_bytes(trained, validated)
        if both:
            one, other = both[0]
            same = one if one == other else f"{one} (the same bytes as {other})"
            raise InputError(
                f"{len(both)} of {len(trained)} training queries are in the validation set, first {same}: "
                "choose other queries in validation.ground_truth or in pairs.ground_truth"
            )
    return {"trained_on_queries": _tag(trained), "validated_on": _tag(validated)}


def refuse_judged_photographs(photographs: ImageList, validated: ImageList) -> None:
    """Raises InputError where a training photograph is a query of the validation set: the same file or bytes."""
    both = _same_files(photographs, validated) or _same_bytes(photographs, validated)
    if both:
        raise InputError(
            f"{len(both)} training photographs are queries of the validation set, first {both[0][0]}: "
            "train on others (pairs.photographs, pairs.leave_out) or choose other queries in validation.ground_truth"
        )


def _tag(queries: ImageList | None) -> str:
    if queries is None:
        return "none"
    return f"{len(queries)} queries of {queries.root} ({queries.ids[0]} to {queries.ids[-1]})"


def _same_files(trained: ImageList, validated: ImageList) -> list[tuple[Path, Path]]:
    files = {path.resolve() for path in validated.paths}
    return [(path, path) for path in trained.paths if path.resolve() in files]


def _same_bytes(trained: ImageList, validated: ImageList) -> list[tuple[Path, Path]]:
    """Only files of one size are read."""
    ours, theirs = _by_size(trained.paths), _by_size(validated.paths)
    found = []
    for size in sorted(ours.keys() & theirs.keys()):
        hashes = {hash_file(path): path for path in theirs[size]}
        found += [(path, hashes[key]) for path in ours[size] if (key := hash_file(path)) in hashes]
    return sorted(found)


def _by_size(paths: Iterable[Path]) -> dict[int, list[Path]]:
    sizes = defaultdict(list)
    for path in paths:
        if path.is_file():  # a missing one is a failure of its own, later
            sizes[path.stat().st_size].append(path)
    return sizes
