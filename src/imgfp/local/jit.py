"""Options for compiling loops with numba.

numba's cache is keyed by the source file of the function called from Python, not by the files of the functions that it
calls. So compiled functions only call compiled functions of their own module.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numba

# "numpy": no exception on division by zero, so that such loops can be vectorised
_options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
# for functions called only from compiled functions
part = partial(numba.njit, **_options, no_cpython_wrapper=True, no_cfunc_wrapper=True)
# allows reordered sums and fused multiply-add; no assumptions about infinities or NaN
RELAXED = {"contract", "nsz", "arcp"}


def entry(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorator for functions called from Python. Compiled code is cached; without a writable cache each process compiles."""

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(cache=True, **_options, **options)(function)
        except RuntimeError:  # numba found no writable cache folder
            return numba.njit(**_options, **options)(function)

    return decorate
