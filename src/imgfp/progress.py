"""Progress with the time left, for a person who watches; nothing where the work takes less than two seconds."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
_bars: list[tqdm] = []  # the innermost stands last


def track(items: Iterable[Item], total: int, what: str, unit: str = "images", weight: int = 1) -> Iterator[Item]:
    """Yields `items` and shows how far the work is on standard error.

    Args:
        items: What is worked on, one step each.
        total: Units of work in all steps together.
        what: Name of the work.
        unit: What is counted.
        weight: Units of work a step.
    """
    live = sys.stderr.isatty()
    done = 0
    with tqdm(
        total=total,
        desc=what,
        unit=f" {unit}",
        delay=2,
        leave=False,
        mininterval=0.2 if live else 15,
        dynamic_ncols=live,
    ) as bar:
        _bars.append(bar)
        try:
            for item in items:
                yield item
                done = min(done + weight, total)
                bar.update(max(done - bar.n, 0))  # `advance` may be ahead
        finally:
            _bars.remove(bar)


def advance(units: int) -> None:
    """Inside a step of `track`: moves its line on by some units, before the step is over."""
    if _bars:
        _bars[-1].update(min(units, _bars[-1].total - _bars[-1].n))


def announce(line: str) -> None:
    """One line on standard error, above the progress lines that are open: what a step is about to need, or found."""
    if any(bar.last_print_t >= bar.start_t + bar.delay for bar in _bars):
        tqdm.write(line, file=sys.stderr)
        sys.stderr.flush()
    else:  # tqdm would draw lines whose delay is not over, and would not clear them when they end
        sys.stderr.write(f"{line}\n")  # at once: no line of another process of the sweep comes between
        sys.stderr.flush()
