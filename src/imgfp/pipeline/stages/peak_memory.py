"""Peak memory of this process while a stage runs."""

import contextlib
import resource
import sys
from pathlib import Path


def reset_peak_memory() -> None:
    """Starts the measurement again, where the system can (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mb() -> float:
    """Peak resident memory since `reset_peak_memory`, in MB; since the process started where the system cannot reset it."""
    with contextlib.suppress(OSError, IndexError):
        return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
