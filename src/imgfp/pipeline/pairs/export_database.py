"""The COLMAP database as an output: written again only over what an earlier run of the same work folder wrote."""

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from imgfp.errors import InputError
from imgfp.files import atomic_path, write_json
from imgfp.pipeline.pairs.colmap_database import write_database
from imgfp.pipeline.pairs.find_pairs import PairsResult
from imgfp.pipeline.pairs.guided import guided_pairs

_RECORD = "database.json"  # in the work folder


def claim_database(path: Path, work: Path) -> None:
    """Refuses to replace a database that this work folder has not written, or that was changed since.

    Raises:
        InputError: another file is there.
    """
    if not path.exists():
        return
    record = _database_record(work)
    if record["path"] != str(path.resolve()):
        raise InputError(f"{path}: exists and would be replaced: delete it, or give another name")
    if (digest := _hash_database(path)) not in record["sha256"] or not digest:
        raise InputError(
            f"{path}: was changed since imgfp wrote it and would be replaced: delete it, or give another name"
        )


def export_database(result: PairsResult, path: Path, camera: str) -> None:
    """Writes the COLMAP database of the verified pairs; the work folder remembers its path and content.

    The record precedes the database and allows both the old and the new content, so a killed run does not block the next.
    `camera`: see `write_database`.
    """
    least = result.graph.min_inliers
    verified = (item for item in result.verifier.results() if item[1].inliers >= least)
    pairs = guided_pairs(result.features, verified, int(result.graph.verified.sum()))
    known = [_hash_database(path)] if path.exists() else []
    with atomic_path(path) as temporary:
        write_database(temporary, result.images.root, result.names, result.features, pairs, camera)
        record = {"path": str(path.resolve()), "sha256": [_hash_database(temporary), *known]}
        write_json(result.work / _RECORD, record)


def _database_record(work: Path) -> dict[str, Any]:
    try:
        record = json.loads((work / _RECORD).read_bytes())
    except (OSError, ValueError):
        record = None
    return record if isinstance(record, dict) else {"path": None, "sha256": []}


def _hash_database(path: Path) -> str:
    """sha256 of all rows, since the bytes of the file change when COLMAP only opens it; "" where they cannot be read."""
    digest = hashlib.sha256()
    log = path.with_name(f"{path.name}-wal")
    if log.is_file() and log.stat().st_size:  # changes that are not in the file yet
        return ""
    try:  # immutable: a plain connection would leave files of its own beside the database
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True)) as database:
            tables = sorted(name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
            for table in tables:
                digest.update(f"{table}\n".encode())
                for row in database.execute(f'SELECT * FROM "{table}"'):
                    for value in row:
                        digest.update(value if isinstance(value, bytes) else f"{value!r}\n".encode())
    except sqlite3.Error:
        return ""
    return digest.hexdigest()
