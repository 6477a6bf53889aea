"""Detectors of pasted images: the learned detector of a separate distribution if installed, else the classical one.

That distribution is found by the entry point "learned" of the group "imgfp.finders", never imported by name: a package
with `open_finder(weights)`, `SHIPPED` (path of its weights) and `REQUIRES` (packages that it needs).
"""

import importlib
import importlib.metadata
import importlib.util
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from imgfp.detection.box import Detection
from imgfp.detection.classical import find_boxes
from imgfp.errors import InputError
from imgfp.progress import announce

FINDERS = ("auto", "learned", "classical")
_GROUP, _LEARNED = "imgfp.finders", "learned"


class Finder(Protocol):
    """Detects boxes in one image per call; thread-safe.

    `name`: one of FINDERS; `fingerprint`: identifies detector, weights and version.
    """

    name: str
    fingerprint: str

    def __call__(self, image: np.ndarray) -> list[Detection]:
        """The boxes of an (h, w, 3) uint8 RGB image, most confident first."""


class ClassicalFinder:
    """The classical detector: `find_boxes` as a `Finder`."""

    name = fingerprint = "classical"

    def __call__(self, image: np.ndarray) -> list[Detection]:
        """See `Finder`."""
        return find_boxes(image)


def learned_package() -> Any:
    """The package of the learned detector; None if it is not installed."""
    found = importlib.metadata.entry_points(group=_GROUP, name=_LEARNED)
    return next((entry.load() for entry in found), None)


def missing_packages() -> list[str]:
    """The packages missing for the learned detector."""
    package = learned_package()
    if package is None:
        return ["imgfp-detector"]
    return [name for name in package.REQUIRES if importlib.util.find_spec(name) is None]


def open_finder(name: str, weights: str | None = None) -> Finder:
    """Opens the detector of that name; "auto" prefers the learned one and announces a fallback to the classical one.

    Args:
        name: One of FINDERS.
        weights: A .safetensors export of train/detector.py for the learned detector; None: the shipped weights.

    Raises:
        InputError: unknown name, the learned detector is not installed, or the weights cannot be used.
    """
    if name not in FINDERS:
        raise InputError(f"unknown detector {name!r}: must be one of {', '.join(FINDERS)}")
    if name == "classical":
        return ClassicalFinder()
    missing = missing_packages()
    if not missing and weights is None and not learned_package().SHIPPED.is_file():
        missing = ["its weights"]
    if name == "auto" and missing and weights is None:
        announce(f"falling back to the classical detector (missing: {', '.join(missing)}; run 'make env')")
        return ClassicalFinder()
    if missing:
        raise InputError(
            f"learned detector unavailable (missing: {', '.join(missing)}): run 'make env', or use the classical detector"
        )
    finder: Finder = learned_package().open_finder(*([] if weights is None else [Path(weights)]))
    return finder


def detector_module(name: str) -> Any:
    """Imports a module of the learned detector's distribution.

    Raises:
        InputError: the distribution or a package that it needs is not installed.
    """
    if missing := missing_packages():
        raise InputError(f"training a detector needs {', '.join(missing)}: run 'make env' (without DETECTOR=0)")
    return importlib.import_module(f"{learned_package().__name__}.{name}")
