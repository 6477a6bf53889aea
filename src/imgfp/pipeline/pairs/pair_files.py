"""Text files of pairs: hloc's and COLMAP's `nameA nameB`, or MIRorR's match_pairs by index."""

from pathlib import Path

import numpy as np

from imgfp.errors import InputError
from imgfp.files import write_bytes
from imgfp.images import ImageList
from imgfp.pipeline.pairs.find_pairs import PairsResult
from imgfp.records.match_pairs import MatchPairs

FORMATS = ("hloc", "match_pairs")


def check_names(images: ImageList) -> None:
    """Refuses names that the text form cannot hold.

    Raises:
        InputError: a name with a space.
    """
    for path in images.paths:
        name = path.relative_to(images.root).as_posix()
        if len(name.split()) != 1:
            raise InputError(
                f"'{name}': a space separates the two names of a line in the hloc format: rename it, or use --format match_pairs"
            )


def write_pairs(result: PairsResult, path: Path, unverified: bool, form: str) -> int:
    """Writes the verified pairs, or all that were tested, in the order of their photographs; returns their number.

    "hloc": a line `nameA nameB` per pair. "match_pairs": `index index similarity`, each pair in both directions, the most similar
    of each photograph first; indices are positions in `result.images`.
    """
    graph = result.graph
    kept = np.ones(len(graph.pairs), bool) if unverified else graph.verified
    pairs, scores = graph.pairs[kept], graph.scores[kept]
    if form == "hloc":
        lines = [f"{graph.names[first]} {graph.names[second]}\n" for first, second in sorted(pairs.tolist())]
        write_bytes(path, "".join(lines).encode("utf-8", "surrogateescape"))
        return len(pairs)
    place = {image_id: row for row, image_id in enumerate(result.images.ids)}
    positions = np.array([place[image_id] for image_id in result.features.ids], np.int64)
    queries, database = (positions[np.concatenate([pairs[:, a], pairs[:, 1 - a]])] for a in (0, 1))
    both = np.concatenate([scores, scores])
    order = np.lexsort((database, -both, queries))
    MatchPairs(queries[order], database[order], both[order]).write(path)
    return len(pairs)


def check_outputs(source: Path, images: ImageList, out: Path, colmap: Path | None) -> None:
    """Refuses outputs that would replace something that is read, or one another.

    Args:
        source: The folder or list that was given as input.
        images: Its photographs.
        out, colmap: The text file and the database.

    Raises:
        InputError: an output is a folder, the input list, a photograph, or another output.
    """
    others = {path.resolve(): f"the report on {out}" for path in report_paths(out)}
    others[source.resolve()] = "the input"
    for path, example, what in ((out, "pairs.txt", "the file of pairs"), (colmap, "database.db", "the database")):
        if path is None:
            continue
        if path.is_dir():
            raise InputError(f"{path}: is a folder: give a file such as {path / example}")
        real = path.resolve()
        if path.exists() and any(real == photograph.resolve() for photograph in images.paths):
            raise InputError(f"{path}: is one of the photographs and would be replaced: give another file")
        if real in others:
            raise InputError(f"{path}: is also {others[real]} and would be replaced: give another file")
        others[real] = what


def report_paths(out: Path) -> tuple[Path, Path]:
    """The HTML and the JSON file of the view graph, beside the text file of pairs."""
    return out.with_name(f"{out.stem}_view_graph.html"), out.with_name(f"{out.stem}_view_graph.json")
