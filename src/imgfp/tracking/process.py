"""Which process writes a run: a killed one cannot say that it ended, so the next one looks."""

import os
import socket
from pathlib import Path

PROCESS_TAG = "imgfp.process"
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = "/proc/self/ns/pid"
_UNKNOWN = "unknown"


def this_process() -> str:
    """This process as text that no later process has: machine, boot, namespace of process ids, process id, start time."""
    return f"{_machine()} {os.getpid()} {_started(os.getpid())}"


def has_ended(process: str | None) -> bool:
    """Whether a process of this machine, as `this_process` wrote it, is gone. False if it cannot be known from here."""
    before, _, recorded = (process or "").rpartition(" ")
    machine, _, pid = before.rpartition(" ")
    if machine != _machine() or not pid.isdecimal():
        return False
    started = _started(int(pid))
    return not started or (_UNKNOWN not in (started, recorded) and started != recorded)


def _machine() -> str:
    """Where a process id has a meaning: containers with the same host name number their processes independently."""
    boot = _BOOT.read_text().strip()[:8] if _BOOT.exists() else "-"
    try:
        namespace = os.readlink(_NAMESPACE)
    except OSError:
        namespace = "-"
    return f"{socket.gethostname()} {boot} {namespace}"


def _started(pid: int) -> str:
    """Start time in ticks since boot ("0" where the system has no /proc); empty if there is no such process.

    "unknown" of a living process that another user owns: /proc may be mounted so that it hides those (hidepid).
    """
    try:
        # after the name, which may hold spaces: the state is field 3, the start time field 22
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] == "Z" else fields[19]
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except (OSError, OverflowError):
        return _UNKNOWN
    return _UNKNOWN if Path("/proc/self/stat").exists() else "0"
