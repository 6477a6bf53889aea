"""Text files with two indices per line, and a number behind them where the form has one."""

import math
from collections.abc import Iterator
from pathlib import Path

from imgfp.errors import InputError
from imgfp.files import read_lines


def read_index_lines(
    path: Path, what: str, form: str, least: int | None = None
) -> Iterator[tuple[str, int, int, float]]:
    """Yields where a line is (for messages), its two indices and its number; blank lines are skipped.

    Args:
        path: The file.
        what: What the file is, for the message where it is missing.
        form: The form of a line, such as "<query index> <database index> <score>". With two columns only, further ones are
            ignored and the number is 0.
        least: The least index; None: any, for a caller that verifies the range.

    Raises:
        InputError: no such file, a line of another form, a number that is not finite, or an index below `least`.
    """
    numbered = form.count("<") == 3
    for number, line in enumerate(read_lines(path, what), start=1):
        words = line.split()
        if not words:
            continue
        where = f"{path} line {number}"
        try:
            first, second, value = words if numbered else (*words[:2], "0")
            row = int(first), int(second), float(value)
            if not math.isfinite(row[2]) or (least is not None and min(row[:2]) < least):
                raise ValueError
        except ValueError:
            raise InputError(f"{where}: {line[:80]!r} is not '{form}': fix the line") from None
        yield where, *row
