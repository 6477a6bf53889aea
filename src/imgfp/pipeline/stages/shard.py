"""One shard of a stage: what its work returns, how it is stored and read back.

A shard's JSON is written last and names the checksums of its files: a shard without it does not exist.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from imgfp.files import atomic_path, hash_file, hash_value, write_json
from imgfp.images import Failure


@dataclass(frozen=True)
class Shard:
    """What the work makes of one shard.

    Attributes:
        record: Plain JSON values, stored in the shard's JSON.
        arrays: Stored as `NUMBER.NAME.npy`; `NUMBER.npy` for the name "".
        files: Files that the work has written into the stage's folder itself.
        failures: Images that could not be used.
    """

    record: dict[str, Any]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    failures: tuple[Failure, ...] = ()


def write_shard(folder: Path, number: int, shard: Shard) -> dict[str, Any]:
    """Stores a shard and returns its record, as `read_shard` gives it."""
    paths = list(shard.files)
    for name, array in shard.arrays.items():
        paths.append(folder / f"{number:05d}{'.' if name else ''}{name}.npy")
        with atomic_path(paths[-1]) as temporary, temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)
    record = shard.record | {
        "files": {path.name: hash_file(path) for path in paths},
        "failures": [[str(failure.path), failure.reason] for failure in shard.failures],
    }
    write_json(folder / f"{number:05d}.json", record | {"sha256": hash_value(record)})
    return record


def read_shard(folder: Path, number: int) -> dict[str, Any] | None:
    """The record of a complete shard: its JSON and its files are there and match their checksums. None otherwise."""
    path = folder / f"{number:05d}.json"
    if not path.is_file():
        return None
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
        complete = record.pop("sha256") == hash_value(record) and all(
            (folder / name).is_file() and hash_file(folder / name) == digest for name, digest in record["files"].items()
        )
    except (ValueError, KeyError, TypeError, AttributeError):  # a damaged record: the shard is made again
        return None
    return record if complete else None


def read_shards(folder: Path) -> Iterator[dict[str, Any]]:
    """The records of a finished stage, in order."""
    number = 0
    while (record := read_shard(folder, number)) is not None:
        yield record
        number += 1
