"""Text files of pairs: hloc's and COLMAP's `nameA nameB`, or MIRorR's match_pairs by index; and the COLMAP database."""

import json
from pathlib import Path

import numpy as np

from imgfp.errors import InputError
from imgfp.files import write_bytes, write_json
from imgfp.images import ImageList
from imgfp.pipeline.pairs.colmap_database import write_database
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


def claim_database(path: Path, work: Path) -> None:
    """Refuses to replace a database that this work folder has not written.

    Raises:
        InputError: another file is there.
    """
    record = work / "database.json"
    if path.exists() and not (record.is_file() and json.loads(record.read_bytes()) == str(path.resolve())):
        raise InputError(f"{path}: exists and would be replaced: delete it, or give another name")


def export_database(result: PairsResult, path: Path, camera: str) -> None:
    """Writes the COLMAP database of the verified pairs and remembers its path in the work folder. `camera`: see `write_database`."""
    least = result.graph.min_inliers
    pairs = (item for item in result.verifier.results() if item[1].inliers >= least)
    write_database(path, result.images.root, result.names, result.features, pairs, camera)
    write_json(result.work / "database.json", str(path.resolve()))
