"""A stage: (inputs, typed settings) -> a folder of shards that can be killed at any point and resumed.

Which items a shard holds depends on their position alone. `plan.json` says what the folder was made from: the same plan is
reused, a different one is refused. `manifest.json` appears when all shards are there. The bytes of a finished folder do not depend
on how often it was interrupted, nor on the executor. A stage without a folder keeps its shards in memory.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgfp.files import hash_file, hash_value, write_json
from imgfp.images import Failure
from imgfp.pipeline.stages.executors import MakeRecord, current_executor
from imgfp.pipeline.stages.peak_memory import peak_memory_mb, reset_peak_memory
from imgfp.pipeline.stages.plan import claim_folder
from imgfp.pipeline.stages.shard import Shard, read_shard, read_shards, write_shard
from imgfp.progress import track

SCHEMA = 1

MakeShard = Callable[[int, range], Shard]


@dataclass(frozen=True)
class Stage:
    """What is to be made. `settings` and `inputs` are plain JSON values; together they decide whether work is reused.

    `folder`: None keeps the result in memory.
    """

    name: str
    folder: Path | None
    settings: dict[str, Any]
    inputs: dict[str, Any]
    items: int
    shard_size: int
    unit: str = "images"

    @property
    def plan(self) -> dict[str, Any]:
        """What decides whether the folder's shards are reused."""
        return {
            "schema": SCHEMA,
            "stage": self.name,
            "settings": self.settings,
            "inputs": self.inputs,
            "items": self.items,
            "shard_size": self.shard_size,
        }

    @property
    def shards(self) -> list[range]:
        """The positions of each shard's items."""
        starts = range(0, self.items, self.shard_size)
        return [range(start, min(start + self.shard_size, self.items)) for start in starts]


@dataclass(frozen=True)
class Work:
    """What a stage does: a frozen, picklable value with explicit inputs, so that an executor may run it anywhere."""

    def shard(self, number: int, rows: range) -> Shard:
        """Makes one shard from its number and the positions of its items."""
        raise NotImplementedError

    def opened(self) -> AbstractContextManager[MakeShard]:
        """Opens what all shards share and yields what makes one; by default there is nothing to open."""
        return nullcontext(self.shard)


@dataclass(frozen=True)
class StoredWork:
    """A `Task`: the work of a stage, whose shards are stored in a folder."""

    work: Work
    folder: Path

    @contextmanager
    def opened(self) -> Iterator[MakeRecord]:
        """See `Task`."""
        with self.work.opened() as make:
            yield lambda number, rows: write_shard(self.folder, number, make(number, rows))


@dataclass(frozen=True)
class StageResult:
    """How a stage went.

    Attributes:
        seconds, rate: Of what was done now.
        peak_mb: Peak resident memory of this process during the stage, worker processes not counted.
        folder: Where the shards are; None where they are kept in memory, in `kept`.
    """

    name: str
    unit: str
    items: int
    reused: int
    seconds: float
    peak_mb: float
    failures: tuple[Failure, ...]
    folder: Path | None = None
    kept: tuple[Shard, ...] = ()

    @property
    def rate(self) -> float | None:
        """Items per second; None where nothing was left to do."""
        done = self.items - self.reused
        return done / self.seconds if done and self.seconds > 0 else None

    def records(self) -> Iterator[dict[str, Any]]:
        """The record of every shard, in order."""
        return (shard.record for shard in self.kept) if self.folder is None else read_shards(self.folder)


def run_stage(stage: Stage, work: Work) -> StageResult:
    """Makes what is missing of a stage, on the current executor (`use_executor`).

    Raises:
        InputError: the folder was made from other settings or inputs; names the first key that differs.
    """
    started = time.perf_counter()
    if stage.folder is None:
        return _in_memory(stage, work, started)
    reset_peak_memory()
    claim_folder(stage.folder, stage.plan)
    shards, folder = stage.shards, stage.folder
    checked = track(range(len(shards)), len(shards), f"checking {stage.name}", "shards")
    records = [read_shard(folder, number) for number in checked]
    missing = [(number, shards[number]) for number, record in enumerate(records) if record is None]
    todo = sum(len(rows) for _, rows in missing)
    made = current_executor().map(StoredWork(work, folder), missing)
    for number, record in track(made, todo, stage.name, stage.unit, stage.shard_size):
        records[number] = record
    failures = [failure for record in records if record is not None for failure in record["failures"]]
    manifest = {
        "stage": stage.name,
        "plan": hash_value(stage.plan),
        "items": stage.items,
        "shards": len(shards),
        "failures": failures,
        "records": {f"{number:05d}.json": hash_file(folder / f"{number:05d}.json") for number in range(len(shards))},
    }
    write_json(folder / "manifest.json", manifest)
    named = tuple(Failure(Path(path), reason) for path, reason in failures)
    reused, seconds = stage.items - todo, time.perf_counter() - started
    return StageResult(stage.name, stage.unit, stage.items, reused, seconds, peak_memory_mb(), named, folder)


def _in_memory(stage: Stage, work: Work, started: float) -> StageResult:
    """Quietly, without a progress line: several threads may look up at once."""
    kept: tuple[Shard, ...] = ()
    if stage.items:
        with work.opened() as make:
            kept = tuple(make(number, rows) for number, rows in enumerate(stage.shards))
    failures = tuple(failure for shard in kept for failure in shard.failures)
    seconds = time.perf_counter() - started
    return StageResult(stage.name, stage.unit, stage.items, 0, seconds, 0.0, failures, None, kept)
