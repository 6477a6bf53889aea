"""One process at a time for the output folder of a training, a search or an evaluation."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout

from imgfp.errors import InputError
from imgfp.files import canonical_json, file_lock
from imgfp.progress import announce


@contextmanager
def folder_lock(folder: Path, what: str = "training", wait: bool = False) -> Iterator[None]:
    """Holds the folder, which need not exist yet, until the `with` block ends.

    The lock is a hidden file beside the folder, which may be moved aside meanwhile. The operating system releases it when
    its process ends, however that ends; what the file says of a former holder is then only overwritten.

    Args:
        folder: Output folder.
        what: Is running there, for the message.
        wait: Until another process that holds it has ended, and say so.

    Raises:
        InputError: another process holds it, and `wait` is false; it says which.
    """
    path = folder.with_name(f".{folder.name}.lock")
    lock = file_lock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        said = f"{folder}: this {what} is running already{_holder(path)}"
        if not wait:
            raise InputError(f"{said}: wait for it, or stop it and start again") from None
        announce(f"{said}: waiting for it")
        lock.acquire()
    try:
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        path.write_bytes(canonical_json(holder))  # not by renaming: the lock is on this very file
        yield
    finally:
        # refused before it began: nothing is left behind. A process that waits for this file gets no lock on it, because
        # filelock tries again where the file that it has locked was removed
        if not folder.exists():
            path.unlink(missing_ok=True)
        lock.release()


def _holder(path: Path) -> str:
    """Who says to hold the lock; nothing where that cannot be read at this moment."""
    try:
        found = json.loads(path.read_bytes())
        return f" (process {found['pid']} on {found['host']} since {found['since']})"
    except (OSError, ValueError, TypeError, KeyError):
        return ""
