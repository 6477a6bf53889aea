"""CRC-32C (Castagnoli, reflected polynomial 0x82F63B78) and the masked form that TensorFlow stores.

The loop is compiled with numba, eight bytes per step by eight tables. It lies in a module of its own because numba's
cache is keyed by the source file of the function that is called from Python.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

_POLYNOMIAL = 0x82F63B78
_MASK_DELTA = 0xA282EAD8
Data = bytes | memoryview | np.ndarray


def _tables() -> np.ndarray:
    """(8, 256) uint32: row k is the effect of a byte that is followed by k zero bytes."""
    first = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        first = np.where(first & 1, (first >> 1) ^ np.uint32(_POLYNOMIAL), first >> 1).astype(np.uint32)
    rows = [first]
    for _ in range(7):
        rows.append((rows[-1] >> 8) ^ first[rows[-1] & 0xFF])
    return np.stack(rows)


_TABLES = _tables()


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled code is cached; without a writable cache folder each process compiles."""
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:
        return numba.njit(nogil=True)(function)


@_compiled
def _extend(state: np.uint32, data: np.ndarray, tables: np.ndarray) -> np.uint32:
    steps = len(data) // 8
    for step in range(steps):
        at = 8 * step
        state ^= (
            np.uint32(data[at])
            | (np.uint32(data[at + 1]) << np.uint32(8))
            | (np.uint32(data[at + 2]) << np.uint32(16))
            | (np.uint32(data[at + 3]) << np.uint32(24))
        )
        state = (
            tables[7, state & np.uint32(0xFF)]
            ^ tables[6, (state >> np.uint32(8)) & np.uint32(0xFF)]
            ^ tables[5, (state >> np.uint32(16)) & np.uint32(0xFF)]
            ^ tables[4, state >> np.uint32(24)]
            ^ tables[3, data[at + 4]]
            ^ tables[2, data[at + 5]]
            ^ tables[1, data[at + 6]]
            ^ tables[0, data[at + 7]]
        )
    for at in range(8 * steps, len(data)):
        state = tables[0, (state ^ data[at]) & np.uint32(0xFF)] ^ (state >> np.uint32(8))
    return state


def crc32c(data: Data, value: int = 0) -> int:
    """The CRC-32C of `data` (bytes, or a 1-D uint8 array); `value` is that of what precedes it."""
    array = np.frombuffer(data, dtype=np.uint8)
    array.flags.writeable = False  # one type for numba, so that the loop is compiled once
    return int(_extend(np.uint32(value ^ 0xFFFFFFFF), array, _TABLES)) ^ 0xFFFFFFFF


def masked(value: int) -> int:
    """The stored form of a CRC: rotated right by 15 bits, plus a constant, modulo 2^32."""
    return (((value >> 15) | (value << 17)) + _MASK_DELTA) & 0xFFFFFFFF
