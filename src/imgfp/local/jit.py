"""How loops are compiled.

numba's stored code is told apart by the source file of the function that was called from Python, not by the files of
the functions which that one calls. So compiled functions call only such ones of their own module.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numba

_options: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
}  # no exception at a division by 0: loops with one can use vectors
# Called from compiled functions only.
part = partial(numba.njit, **_options, no_cpython_wrapper=True, no_cfunc_wrapper=True)
# Sums in another order and fused products; no assumption about infinities or NaN.
RELAXED = {"contract", "nsz", "arcp"}


def entry(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorates what is called from Python. Code is stored; where there is no place for it each process compiles anew."""

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(cache=True, **_options, **options)(function)
        except RuntimeError:  # numba found no folder that it may write
            return numba.njit(**_options, **options)(function)

    return decorate
