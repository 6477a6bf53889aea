"""Progress with the time left, for a person who watches; nothing where the work takes less than two seconds."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


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
    with tqdm(
        total=total,
        desc=what,
        unit=f" {unit}",
        delay=2,
        leave=False,
        mininterval=0.2 if live else 15,
        dynamic_ncols=live,
    ) as bar:
        for item in items:
            yield item
            bar.update(min(weight, total - bar.n))


def announce(line: str) -> None:
    """One line on standard error: what a step is about to need."""
    print(line, file=sys.stderr, flush=True)
