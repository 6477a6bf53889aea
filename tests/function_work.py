"""A stage's work from a plain function, for tests of stages."""

from collections.abc import Callable
from dataclasses import dataclass

from imgfp.pipeline.stages.shard import Shard
from imgfp.pipeline.stages.stage import Work


@dataclass(frozen=True)
class FunctionWork(Work):
    function: Callable[[int, range], Shard]

    def shard(self, number: int, rows: range) -> Shard:
        return self.function(number, rows)
