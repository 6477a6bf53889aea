"""Thread counts, decided here and nowhere else."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from imgfp.errors import InputError


def thread_count() -> int:
    """IMGFP_THREADS if set, otherwise the number of CPUs available to this process.

    Raises:
        InputError: IMGFP_THREADS is not a positive integer.
    """
    wanted = os.environ.get("IMGFP_THREADS")
    if not wanted:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not wanted.isdecimal() or int(wanted) < 1:
        raise InputError(f"IMGFP_THREADS={wanted!r}: must be a positive integer: change or unset it")
    return int(wanted)


@contextmanager
def libraries_single_threaded() -> Iterator[None]:
    """Limits torch and OpenCV to one thread each, for use while our own threads run in parallel."""
    import cv2
    import torch

    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])
