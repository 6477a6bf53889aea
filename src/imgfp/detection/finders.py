"""Who looks for boxes: the learned finder of our second distribution where it is installed, straight edges elsewhere.

The second distribution is found by the entry point "learned" of the group "imgfp.finders", never imported by name: a package
with `open_finder(weights)`, `SHIPPED` (its weights' path) and `REQUIRES` (packages that it needs).
"""

import importlib
import importlib.metadata
import importlib.util
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from imgfp.detection.box import Found
from imgfp.detection.classical import find_boxes
from imgfp.errors import InputError
from imgfp.progress import announce

FINDERS = ("auto", "learned", "classical")
_GROUP, _LEARNED = "imgfp.finders", "learned"


class Finder(Protocol):
    """Finds boxes in one picture a call; calls may come from several threads at once.

    `name`: of FINDERS; `fingerprint`: which finder, exactly.
    """

    name: str
    fingerprint: str

    def __call__(self, image: np.ndarray) -> list[Found]:
        """The boxes of an (h, w, 3) uint8 RGB picture, the surest first."""


class ClassicalFinder:
    """`find_boxes`: straight edges, no network."""

    name = fingerprint = "classical"

    def __call__(self, image: np.ndarray) -> list[Found]:
        """See `Finder`."""
        return find_boxes(image)


def learned_package() -> Any:
    """The package of the learned finder; None where none is installed."""
    found = importlib.metadata.entry_points(group=_GROUP, name=_LEARNED)
    return next((entry.load() for entry in found), None)


def missing_packages() -> list[str]:
    """What the learned finder lacks here."""
    package = learned_package()
    if package is None:
        return ["imgfp-detector"]
    return [name for name in package.REQUIRES if importlib.util.find_spec(name) is None]


def open_finder(name: str, weights: str | None = None) -> Finder:
    """The finder of that name; "auto" takes the learned one where it can, and says so where it cannot.

    Args:
        name: One of FINDERS.
        weights: A .safetensors export of train/detector.py for the learned one; None: those that are shipped.

    Raises:
        InputError: another name, the learned one is not installed, or weights that cannot be used.
    """
    if name not in FINDERS:
        raise InputError(f"finder {name!r}: give one of {', '.join(FINDERS)}")
    if name == "classical":
        return ClassicalFinder()
    lacking = missing_packages()
    if not lacking and weights is None and not learned_package().SHIPPED.is_file():
        lacking = ["its weights"]
    if name == "auto" and lacking and weights is None:
        announce(f"boxes are found by straight edges: the learned finder lacks {', '.join(lacking)} ('make env')")
        return ClassicalFinder()
    if lacking:
        raise InputError(
            f"the learned finder lacks {', '.join(lacking)}: run 'make env', or take the finder 'classical'"
        )
    finder: Finder = learned_package().open_finder(*([] if weights is None else [Path(weights)]))
    return finder


def detector_module(name: str) -> Any:
    """A module of our second distribution.

    Raises:
        InputError: it, or what it needs, is not installed.
    """
    if lacking := missing_packages():
        raise InputError(f"training a detector needs {', '.join(lacking)}: run 'make env' (without DETECTOR=0)")
    return importlib.import_module(f"{learned_package().__name__}.{name}")
