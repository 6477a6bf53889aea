"""Atomic file writes (temporary file, fsync, rename), checksums and canonical JSON."""

import csv
import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from imgfp.errors import InputError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary path next to `path`; on success it is fsynced and renamed to `path`.

    If the process is killed, `path` keeps its old content. The temporary name is fixed, so a rerun overwrites it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
        _fsync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yields an empty temporary folder next to `folder`; on success it takes the place of `folder`."""
    temporary, old = (folder.with_name(f".{folder.name}.{suffix}") for suffix in ("tmp", "old"))
    for leftover in (temporary, old):  # of a killed run
        shutil.rmtree(leftover, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def file_lock(path: Path) -> FileLock:
    """An inter-process lock on the file `path`, for use in a `with` statement; blocks while another process holds it.

    Creates the parent folder if needed. The operating system releases the lock when its process ends, so a killed
    process leaves nothing to clean up.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path)


def write_bytes(path: Path, data: bytes) -> None:
    """Writes `data` to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as canonical, indented JSON, atomically."""
    write_bytes(path, canonical_json(value, indent=1) + b"\n")


def read_lines(path: Path, wanted: str) -> list[str]:
    """The lines of a UTF-8 text file.

    Args:
        path: The file.
        wanted: What the file should be, for the error message.

    Raises:
        InputError: no such file, or not UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file: give {wanted}") from None
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: give {wanted}") from None


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a CSV with a header, atomically; file names that are not UTF-8 keep their bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_bytes(path, text.getvalue().encode("utf-8", errors="surrogateescape"))


def canonical_json(value: Any, indent: int | None = None) -> bytes:
    """JSON in which equal values give equal bytes: sorted keys, no spaces unless `indent`."""
    separators = (",", ": ") if indent else (",", ":")
    return json.dumps(value, sort_keys=True, indent=indent, separators=separators, ensure_ascii=False).encode()


def hash_value(value: Any) -> str:
    """sha256 of the canonical JSON of `value`, as hex."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def hash_file(path: Path) -> str:
    """sha256 of a file, as hex, read in blocks (never the entire file in memory)."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _fsync_folder(folder: Path) -> None:
    if os.name != "posix":  # folders cannot be opened for fsync elsewhere
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
