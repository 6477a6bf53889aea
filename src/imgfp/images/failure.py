"""An image that could not be used, by name: a hole in the result, never another row."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Failure:
    """One image that was left out of a run, and why (one line)."""

    path: Path
    reason: str
