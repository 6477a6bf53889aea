"""How the loops of SIFT are compiled.

numba's stored code is told apart by the source file of the function that was called from Python, not by the files of
the functions which that one calls. So compiled functions call only such ones of their own module.
"""

from functools import partial

import numba

# Called from Python; code is stored. numpy's division (no exception at 0) is what lets loops with one use vectors.
entry = partial(numba.njit, nogil=True, cache=True, error_model="numpy")
# Called from compiled functions only.
part = partial(numba.njit, nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
# Sums in another order and fused products; no assumption about infinities or NaN.
RELAXED = {"contract", "nsz", "arcp"}
