"""Checks of loss settings, when a config is constructed."""

import math

from imgfp.errors import InputError

LONGEST = 2.0  # Euclidean distance of opposite unit vectors


def check_number(key: str, value: float, low: float, high: float, why: str, *, above: bool = False) -> None:
    """Refuses anything but a finite number within low..high; with `above` also `low` itself.

    Raises:
        InputError: names the key, the value, the range and the reason.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if number and low <= value <= high and not (above and value == low):
        return
    limits = f"{'>' if above else '>='} {low:g}" + (f" and <= {high:g}" if high < math.inf else "")
    raise InputError(f"{key}={value!r}: {why}: must be a number {limits}")


def check_memory(memory: int) -> None:
    """Refuses anything but an integer >= 0."""
    if isinstance(memory, bool) or not isinstance(memory, int) or memory < 0:
        raise InputError(
            f"loss.memory={memory!r}: the number of stored descriptors must be an integer >= 0 (0: no memory)"
        )
