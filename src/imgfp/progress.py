"""Progress bars with the remaining time; nothing is shown for work that takes less than two seconds."""

import sys
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
_bars: list[tqdm] = []  # innermost last
_lock = threading.Lock()  # look-ups advance from several threads


def track(items: Iterable[Item], total: int, what: str, unit: str = "images", weight: int = 1) -> Iterator[Item]:
    """Yields `items` and shows progress on standard error.

    Args:
        items: The items, one step each.
        total: Units of work over all steps.
        what: Description of the work.
        unit: Name of the unit, plural.
        weight: Units of work per step.
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
        with _lock:
            _bars.append(bar)
        try:
            for item in items:
                yield item
                done = min(done + weight, total)
                bar.update(max(done - bar.n, 0))  # `advance` may have moved the bar further
        finally:
            with _lock:
                _bars.remove(bar)


def advance(units: int) -> None:
    """Advances the innermost bar by some units within a step of `track`."""
    with _lock:
        if _bars:
            _bars[-1].update(min(units, _bars[-1].total - _bars[-1].n))


def note(text: str) -> None:
    """Shows a text beside the remaining time of the innermost bar, from its next update on."""
    with _lock:
        if _bars:
            _bars[-1].set_postfix_str(text, refresh=False)


def announce(line: str) -> None:
    """Prints one line on standard error, above any open progress bars."""
    with _lock:
        shown = any(bar.last_print_t >= bar.start_t + bar.delay for bar in _bars)
    if shown:
        tqdm.write(line, file=sys.stderr)
        sys.stderr.flush()
    else:  # tqdm.write would draw bars that are still in their delay, and would not clear them at the end
        sys.stderr.write(f"{line}\n")  # one write, so that lines of parallel sweep processes do not interleave
        sys.stderr.flush()
