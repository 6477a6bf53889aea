"""Worker processes that do not import the script that started them, so that a script needs no `__main__` guard."""

import multiprocessing
import multiprocessing.connection
import os
import sys
import threading
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

_starting = threading.Lock()


class _Worker(SpawnProcess):
    """A spawned process whose preparation leaves out the main module: what workers run is imported by its own name."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # the hook of multiprocessing's own contexts
        main = sys.modules["__main__"]
        with _starting:
            spec, file = main.__spec__, main.__dict__.pop("__file__", None)
            main.__spec__ = None
            try:
                return SpawnProcess._Popen(process_obj)
            finally:
                main.__spec__ = spec
                if file is not None:
                    main.__file__ = file


class WorkerContext(SpawnContext):
    """Spawn, not fork: a fork would copy locks that torch's and OpenCV's threads may hold."""

    Process = _Worker


def watch_parent() -> None:
    """Called in a worker: ends it with its parent, since a worker whose parent was killed would wait for work for ever."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
