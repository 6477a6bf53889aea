"""AugLy's functions on arrays, where it is installed; the system's libmagic is not needed."""

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image


@cache
def augly_image() -> ModuleType | None:
    """The module augly.image; None where AugLy is not installed or cannot be imported."""
    try:
        with _without_libmagic():
            module = importlib.import_module("augly.image")
    except (ImportError, OSError):
        return None
    # AugLy leaves its own template files for the collector to close
    warnings.filterwarnings("ignore", message="unclosed file .*augly", category=ResourceWarning)
    return module


def augly_assets() -> Path:
    """The folder of emoji, fonts and screenshot templates that AugLy ships.

    Raises:
        ImportError: AugLy is not installed.
    """
    spec = importlib.util.find_spec("augly")
    if spec is None or spec.origin is None:
        raise ImportError("augly is not installed")
    return Path(spec.origin).parent / "assets"


def augly_function(name: str) -> Callable[..., Any]:
    """The function that augly.image calls `name`; dots lead into its modules."""
    return attrgetter(name)(augly_image())


def call_augly(image: np.ndarray, name: str, **arguments: object) -> np.ndarray:
    """AugLy's function `name` of an (h, w, 3) uint8 RGB image: another such image, its own and writeable."""
    edited = augly_function(name)(Image.fromarray(image), **arguments)
    return np.array(edited.convert("RGB"))


@contextmanager
def _without_libmagic() -> Iterator[None]:
    """Lets AugLy be imported on a machine that lacks libmagic.

    It loads python-magic, which loads libmagic, to tell the type of files; pictures that are handed over as such never
    come there. A stand-in takes the place of python-magic for as long as AugLy imports it.
    """
    try:
        importlib.import_module("magic")
    except (ImportError, OSError):  # "failed to find libmagic"; a broken library: OSError
        sys.modules["magic"] = ModuleType("magic")
        try:
            yield
        finally:
            del sys.modules["magic"]
    else:
        yield
