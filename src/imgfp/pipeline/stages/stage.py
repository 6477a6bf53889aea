"""A stage: (inputs, typed settings) -> a folder of shards that can be killed at any point and started again.

Which items a shard holds depends on their position alone. A shard's JSON is written last and names the checksums of the
shard's files; a shard without it is made again. `plan.json` says what the folder was made from: the same plan is
reused, another is refused. `manifest.json` appears when all shards are there. The bytes of a finished folder do not
depend on how often it was interrupted.
"""

import contextlib
import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgfp.errors import InputError
from imgfp.files import hash_file, hash_value, write_json
from imgfp.images import Failure
from imgfp.progress import track

SCHEMA = 1


@dataclass(frozen=True)
class Stage:
    """What is to be made. `settings` and `inputs` are plain JSON values; together they decide whether work is reused."""

    name: str
    folder: Path
    settings: dict[str, Any]
    inputs: dict[str, Any]
    items: int
    shard_size: int
    unit: str = "images"


@dataclass(frozen=True)
class Shard:
    """What the work function made of one shard. `files` lie in the stage's folder; `record` goes into the shard's JSON."""

    record: dict[str, Any]
    files: tuple[Path, ...] = ()
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True)
class StageResult:
    """How a stage went. `seconds` and `rate` count only what was done now. `peak_mb`: largest resident memory of this
    process while the stage ran (worker processes not counted; where the system cannot tell, since the process began).
    """

    name: str
    unit: str
    items: int
    reused: int
    seconds: float
    peak_mb: float
    failures: tuple[Failure, ...]

    @property
    def rate(self) -> float | None:
        """Items a second; None where nothing was left to do."""
        done = self.items - self.reused
        return done / self.seconds if done and self.seconds > 0 else None


Work = Callable[[int, range], Shard]


def run_stage(stage: Stage, work: Work) -> StageResult:
    """Makes what is missing of a stage.

    Args:
        stage: What is to be made.
        work: Makes one shard: gets its number and the positions of its items, writes its files.

    Raises:
        InputError: the folder was made from other settings or inputs; names the first key that differs.
    """
    started = time.perf_counter()
    forget_peak_memory()
    _claim(stage)
    starts = range(0, stage.items, stage.shard_size)
    shards = [range(start, min(start + stage.shard_size, stage.items)) for start in starts]
    checked = track(range(len(shards)), len(shards), f"checking {stage.name}", "shards")
    records = [read_shard(stage.folder, number) for number in checked]
    missing = [number for number, record in enumerate(records) if record is None]
    todo = sum(len(shards[number]) for number in missing)
    for number in track(missing, todo, stage.name, stage.unit, stage.shard_size):
        records[number] = _make_shard(stage.folder, number, work(number, shards[number]))
    failures = [failure for record in records if record is not None for failure in record["failures"]]
    manifest = {
        "stage": stage.name,
        "plan": hash_value(_plan(stage)),
        "items": stage.items,
        "shards": len(shards),
        "failures": failures,
        "records": {
            f"{number:05d}.json": hash_file(stage.folder / f"{number:05d}.json") for number in range(len(shards))
        },
    }
    write_json(stage.folder / "manifest.json", manifest)
    return StageResult(
        stage.name,
        stage.unit,
        stage.items,
        stage.items - todo,
        time.perf_counter() - started,
        peak_memory_mb(),
        tuple(Failure(Path(path), reason) for path, reason in failures),
    )


def _make_shard(folder: Path, number: int, made: Shard) -> dict[str, Any]:
    """Writes the JSON that makes a shard exist, and returns it."""
    record = made.record | {
        "files": {path.name: hash_file(path) for path in made.files},
        "failures": [[str(failure.path), failure.reason] for failure in made.failures],
    }
    write_json(folder / f"{number:05d}.json", record | {"sha256": hash_value(record)})
    return record


def read_shard(folder: Path, number: int) -> dict[str, Any] | None:
    """A shard's JSON if the shard is whole: it and its files are there with their checksums. None otherwise."""
    path = folder / f"{number:05d}.json"
    if not path.is_file():
        return None
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
        whole = record.pop("sha256") == hash_value(record) and all(
            (folder / name).is_file() and hash_file(folder / name) == digest for name, digest in record["files"].items()
        )
    except (ValueError, KeyError, TypeError, AttributeError):  # a damaged record: make the shard again
        return None
    return record if whole else None


def forget_peak_memory() -> None:
    """Starts the measuring of peak memory anew, where the system can (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mb() -> float:
    """Peak resident memory of this process since `forget_peak_memory`, in MB."""
    with contextlib.suppress(OSError, IndexError):
        return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def _plan(stage: Stage) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "stage": stage.name,
        "settings": stage.settings,
        "inputs": stage.inputs,
        "items": stage.items,
        "shard_size": stage.shard_size,
    }


def _claim(stage: Stage) -> None:
    path = stage.folder / "plan.json"
    plan = _plan(stage)
    if path.is_file():
        try:
            old = json.loads(path.read_bytes())
            if not isinstance(old, dict):
                raise ValueError
        except ValueError:
            raise InputError(f"{path}: damaged: delete {stage.folder} and run again") from None
        key = _first_difference(old, plan)
        if key:
            before, now = (_at(value, key) for value in (old, plan))
            raise InputError(
                f"{stage.folder} was made with {key} = {before!r}, now it is {now!r}: give another output folder, or delete this one"
            )
        return
    write_json(path, plan)


def _first_difference(old: Any, new: Any, at: str = "") -> str | None:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            found = _first_difference(old.get(key), new.get(key), f"{at}.{key}" if at else key)
            if found:
                return found
        return None
    return None if old == new else at


def _at(value: Any, dotted: str) -> Any:
    for key in dotted.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value
