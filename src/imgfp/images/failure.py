"""An image that could not be used: a named missing item in the result, never a substituted row."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imgfp.files import write_csv


@dataclass(frozen=True)
class Failure:
    """One image that was skipped in a run, and the reason (one line)."""

    path: Path
    reason: str


def write_failures(path: Path, failures: Sequence[Failure]) -> None:
    """Writes `path,reason` of every skipped image as CSV; removes the file if there is none."""
    if failures:
        write_csv(path, ("path", "reason"), [(str(failure.path), failure.reason) for failure in failures])
    else:
        path.unlink(missing_ok=True)
