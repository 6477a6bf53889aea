"""Thread counts, decided here and nowhere else."""

import os
import threading
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


_lock = threading.Lock()
_inside = 0
_before = 1


@contextmanager
def libraries_single_threaded() -> Iterator[None]:
    """Limits torch and OpenCV to one thread each, for use while our own threads run in parallel.

    Several threads may enter at once. Torch has a count for each calling thread; OpenCV has one count, which the first to
    enter remembers and the last to leave restores.
    """
    import cv2
    import torch

    global _inside, _before
    own = torch.get_num_threads()
    with _lock:
        if not _inside:
            _before = cv2.getNumThreads()
            cv2.setNumThreads(1)
        _inside += 1
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(own)
        with _lock:
            _inside -= 1
            if not _inside:
                cv2.setNumThreads(_before)
