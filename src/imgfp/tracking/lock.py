"""A lock between processes: one file, held by at most one process at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Holds the lock file `path` (made when absent, never removed); waits while another holder has it.

    The operating system frees the lock when its process ends, so a killed process leaves nothing to clean up. Not
    reentrant: taking it again inside waits for ever.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)
