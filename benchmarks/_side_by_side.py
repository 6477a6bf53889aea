"""Two ways of doing the same thing, timed in turns, and the table that compares them."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_kept: list[dict[str, Any]] = []


def keep(entry: dict[str, Any]) -> None:
    """Adds to outputs/benchmarks/NAME.json of the running benchmark, which is written anew at once."""
    _kept.append(entry)
    path = ROOT / "outputs" / "benchmarks" / f"{Path(sys.argv[0]).stem}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_kept, indent=1) + "\n")


def alternate(
    ways: dict[str, Callable[[], Any]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Median seconds of each way. The ways take turns, so that a busy moment of the machine hits all of them.

    `clock`: `time.process_time` where all work is done in this process and processor time is what counts.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started = clock()
            way()
            seconds[name].append(clock() - started)
    return {name: median(values) for name, values in seconds.items()}


def show(title: str, seconds: dict[str, float], baseline: str, work: float, unit: str) -> None:
    """Prints seconds, `unit` a second and the ratio to `baseline` of each way, and keeps them."""
    keep({"table": title, "seconds": seconds, "baseline": baseline, "work": work, "unit": unit})
    print(f"\n{title}\n{'':<34}{'seconds':>10}{unit + '/s':>16}{'ratio':>9}")
    for name, value in seconds.items():
        ratio = "baseline" if name == baseline else f"{seconds[baseline] / value:.2f}x"
        print(f"{name:<34}{value:>10.4f}{work / value:>16,.1f}{ratio:>9}")


def need(what: str, holds: bool) -> None:
    """Prints whether a figure that the project asks for is reached, and keeps that."""
    keep({"asked": what, "reached": bool(holds)})
    print(f"{'reached' if holds else 'NOT REACHED'}: {what}")


def in_fresh_process(code: str, *arguments: str) -> dict[str, float]:
    """Runs Python code that prints one JSON object last; `peak()` (its peak memory in MB) is at its disposal."""
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY + code, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


_MEMORY = """
import json, resource, sys
def peak():
    # VmHWM, not ru_maxrss: that one starts from the parent's peak
    try:
        lines = open("/proc/self/status").read().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e3
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
"""
