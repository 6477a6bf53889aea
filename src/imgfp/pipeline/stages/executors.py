"""Where the shards of a stage are made: in this process now; on other machines by another executor of the same form."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

MakeRecord = Callable[[int, range], dict[str, Any]]


class Task(Protocol):
    """Makes and stores the shards of one stage. Picklable, with explicit inputs: an executor may send it anywhere."""

    def opened(self) -> AbstractContextManager[MakeRecord]:
        """Opens what all shards share (a network, worker processes) and yields the function that makes one shard."""
        ...


class Executor(Protocol):
    """Maps a task over shards."""

    def map(self, task: Task, shards: Sequence[tuple[int, range]]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yields the number and the record of each shard as it is done."""
        ...


class InProcess:
    """One shard after the other, in this process."""

    def map(self, task: Task, shards: Sequence[tuple[int, range]]) -> Iterator[tuple[int, dict[str, Any]]]:
        """See `Executor`. Opens nothing where no shard is left to do."""
        if not shards:
            return
        with task.opened() as make:
            for number, rows in shards:
                yield number, make(number, rows)


_IN_PROCESS = InProcess()
_executor: ContextVar[Executor] = ContextVar("executor", default=_IN_PROCESS)


def current_executor() -> Executor:
    """The executor of the stages that run now."""
    return _executor.get()


@contextmanager
def use_executor(executor: Executor) -> Iterator[None]:
    """Runs the stages inside a `with` statement on `executor`."""
    token = _executor.set(executor)
    try:
        yield
    finally:
        _executor.reset(token)
