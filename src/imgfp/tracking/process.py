"""Which process writes a run: a killed one cannot say that it ended, so the next one looks."""

import os
import socket
from pathlib import Path

PROCESS_TAG = "imgfp.process"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def this_process() -> str:
    """This process as text that no later process has: machine, boot, process id, start time."""
    return f"{_machine()} {os.getpid()} {_started(os.getpid())}"


def has_ended(process: str | None) -> bool:
    """Whether a process of this machine, as `this_process` wrote it, is gone. False if it cannot be known from here."""
    machine, _, rest = (process or "").rpartition(" ")[0].rpartition(" ")
    if machine != _machine() or not rest.isdecimal():
        return False
    return _started(int(rest)) != (process or "").rpartition(" ")[2]


def _machine() -> str:
    boot = _BOOT.read_text().strip()[:8] if _BOOT.exists() else "-"
    return f"{socket.gethostname()} {boot}"


def _started(pid: int) -> str:
    """Start time in ticks since boot ("0" where the system has no /proc); empty if there is no such process."""
    try:
        if not Path("/proc/self/stat").exists():
            os.kill(pid, 0)
            return "0"
        # after the name, which may hold spaces: the state is field 3, the start time field 22
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] == "Z" else fields[19]
    except PermissionError:  # it lives, and belongs to somebody else
        return "0"
    except OSError:
        return ""
