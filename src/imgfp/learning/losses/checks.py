"""Values that a loss cannot work with, refused where its config is made."""

import math

from imgfp.errors import InputError

LONGEST = 2.0  # Euclidean distance of opposite unit vectors


def check_number(key: str, value: float, low: float, high: float, why: str, *, above: bool = False) -> None:
    """Refuses what is no finite number within low..high; with `above` the number `low` itself too.

    Raises:
        InputError: names the key, the value, the range and `why` it is so.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if number and low <= value <= high and not (above and value == low):
        return
    limits = f"{'above' if above else 'of at least'} {low:g}" + (f" and at most {high:g}" if high < math.inf else "")
    raise InputError(f"{key}={value!r}: {why}: give a number {limits}")


def check_memory(memory: int) -> None:
    """Refuses a memory that is no whole number of descriptors, 0 or more."""
    if isinstance(memory, bool) or not isinstance(memory, int) or memory < 0:
        raise InputError(
            f"loss.memory={memory!r}: the descriptors that are remembered: give a whole number, 0 for no memory"
        )
