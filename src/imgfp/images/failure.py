"""An image that could not be used, by name: a hole in the result, never another row."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imgfp.files import write_csv


@dataclass(frozen=True)
class Failure:
    """One image that was left out of a run, and why (one line)."""

    path: Path
    reason: str


def write_failures(path: Path, failures: Sequence[Failure]) -> None:
    """`path,reason` of every image that was left out; no file where there is none."""
    if failures:
        write_csv(path, ("path", "reason"), [(str(failure.path), failure.reason) for failure in failures])
    else:
        path.unlink(missing_ok=True)
