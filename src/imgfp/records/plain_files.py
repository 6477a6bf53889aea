"""Writes plain data (dicts, lists, strings, numbers, arrays of numbers) as JSON or as the arrays of an NPZ file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imgfp.errors import InputError
from imgfp.files import atomic_path, write_bytes


def write_plain_json(path: Path, content: Any) -> None:
    """Writes JSON atomically; arrays become lists, keys become text."""
    text = json.dumps(content, default=lambda array: array.tolist(), ensure_ascii=False)
    write_bytes(path, text.encode("utf-8", "surrogateescape"))


def write_arrays(path: Path, content: Any, names: Sequence[str] | None) -> None:
    """Writes an NPZ file atomically.

    Args:
        path: The file.
        content: A dict of arrays or lists of numbers, or a list of them.
        names: The arrays' names where `content` is a list.

    Raises:
        InputError: something else, or another number of names.
    """
    if isinstance(content, list):
        if names is None or len(names) != len(content):
            raise InputError(f"the pickle holds a list of {len(content)}: give as many names, --names A,B,...")
        content = dict(zip(names, content, strict=True))
    elif not isinstance(content, dict) or names is not None:
        raise InputError("the pickle holds no list of arrays: give a .json file to write, without --names")
    arrays = {str(name): _array(value) for name, value in content.items()}
    others = [name for name, array in arrays.items() if array.dtype.kind not in "biuf" or name == "file"]
    if others:  # np.savez has a parameter of the name "file"
        raise InputError(f"{others[0]!r} in the pickle cannot be an array of an NPZ file: give a .json file to write")
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def _array(value: Any) -> np.ndarray:
    """The array of nested lists; one of objects where they are no array of numbers."""
    try:
        return np.asarray(value)
    except ValueError:  # rows of several lengths
        return np.empty(0, dtype=object)
