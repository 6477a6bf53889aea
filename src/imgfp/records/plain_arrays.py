"""How pickles describe NumPy arrays and numbers, as data: recognised by name, without importing what is named."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgfp.errors import InputError

_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
_NAMES = {
    **{(module, "_reconstruct"): "array" for module in _MULTIARRAY},
    **{(module, "scalar"): "scalar" for module in _MULTIARRAY},
    **{(module, "_frombuffer"): "buffer" for module in _NUMERIC},
    ("numpy", "ndarray"): "class",
    ("numpy", "dtype"): "dtype",
    # how Python 3 writes bytes for Python 2: encoded text, and without arguments no bytes
    ("_codecs", "encode"): "encode",
    ("__builtin__", "bytes"): "empty",
    ("builtins", "bytes"): "empty",
}
_KINDS = "biuf"  # of numbers
_MAX_DEPTH = 50


@dataclass(frozen=True)
class Global:
    """A name that means one of the known functions."""

    role: str

    @classmethod
    def named(cls, module: str, name: str) -> "Global":
        """The meaning of a name.

        Raises:
            InputError: another name: loading it would run code.
        """
        if (module, name) not in _NAMES:
            raise InputError(f"the pickle names {f'{module}.{name}'[:80]!r}, which is no plain data")
        return cls(_NAMES[module, name])


@dataclass
class Pending:
    """An array or a dtype whose state comes later in the pickle; `value` is None until then."""

    role: str
    code: str = ""
    value: Any = None


def reduce(function: Any, arguments: tuple[Any, ...]) -> Any:
    """What a known function gives for these arguments.

    Raises:
        InputError: another function, or a dtype that is not of numbers.
    """
    role = function.role if isinstance(function, Global) else ""
    if role == "array":
        return Pending("array")
    if role == "dtype":
        code = arguments[0]
        if not isinstance(code, str) or code[:1] not in _KINDS or not code[1:].isdecimal() or int(code[1:]) > 8:
            raise InputError(f"the pickle holds an array of dtype {str(code)[:20]!r}")
        return Pending("dtype", code)
    if role == "scalar":
        return _array(arguments[1], _dtype(arguments[0]), (), "C").item()
    if role == "buffer":
        data, dtype, shape, order = arguments
        return _array(data, _dtype(dtype), shape, order)
    if role == "encode" and arguments[1:] == ("latin1",):
        return arguments[0].encode("latin-1")
    if role == "empty" and not arguments:
        return b""
    raise InputError("the pickle calls what is no plain data")


def build(target: Pending, state: tuple[Any, ...]) -> None:
    """Gives an array or a dtype its state, as NumPy writes it."""
    if target.role == "dtype":
        order = state[1]
        if order not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
            raise InputError("the pickle holds an array of records")
        target.value = np.dtype(("" if order in "|=" else order) + target.code)
    else:
        _, shape, dtype, fortran, data = state
        target.value = _array(data, _dtype(dtype), shape, "F" if fortran else "C")


def resolve(value: Any, limit: int) -> Any:
    """The value with arrays in the place of pending ones.

    Args:
        value: What the pickle gave.
        limit: The most values, array elements and characters; a part that is shared counts every time, so that a small pickle
            cannot describe a huge result.

    Raises:
        InputError: an incomplete array, a value that is no data, lists that contain themselves, or too many values.
    """
    return _resolve(value, 0, [limit])


def _resolve(value: Any, depth: int, left: list[int]) -> Any:
    if isinstance(value, Pending):
        if value.role != "array" or value.value is None:
            raise InputError("the pickle holds an array without content")
        value = value.value
    left[0] -= 1 + (value.size if isinstance(value, np.ndarray) else len(value) if isinstance(value, str) else 0)
    if depth > _MAX_DEPTH or left[0] < 0:
        raise InputError(f"the pickle is nested deeper than {_MAX_DEPTH}, or repeats its parts too often")
    if isinstance(value, list | tuple):
        return [_resolve(item, depth + 1, left) for item in value]
    if isinstance(value, dict):
        return {key: _resolve(item, depth + 1, left) for key, item in value.items()}
    if isinstance(value, int) and value.bit_length() > 64:
        raise InputError("the pickle holds an integer of more than 64 bits")
    if value is None or isinstance(value, str | int | float | np.ndarray):
        return value
    raise InputError(f"the pickle holds a value of type {type(value).__name__}")


def _dtype(value: Any) -> np.dtype:
    if not isinstance(value, Pending) or value.role != "dtype":
        raise InputError("the pickle holds an array without a dtype")
    return np.dtype(value.code) if value.value is None else value.value


def _array(data: Any, dtype: np.dtype, shape: Any, order: Any) -> np.ndarray:
    """An array of its bytes; Python 2 writes them as text. Their number must be that of the shape."""
    raw = data.encode("latin-1") if isinstance(data, str) else data
    if not isinstance(raw, bytes | bytearray) or not isinstance(shape, tuple) or order not in ("C", "F"):
        raise InputError("the pickle holds an array of objects")
    if any(type(size) is not int or size < 0 for size in shape) or math.prod(shape) * dtype.itemsize != len(raw):
        raise InputError(f"an array of {len(raw)} bytes does not have the shape {shape} of {dtype}")
    found = np.frombuffer(raw, dtype).reshape(shape, order=order)
    return found.astype(dtype.newbyteorder("="))
