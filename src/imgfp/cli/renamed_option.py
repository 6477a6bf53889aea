"""Options of earlier versions: refused with the new name."""

import argparse
from collections.abc import Sequence
from typing import Any


class _Renamed(argparse.Action):
    def __call__(
        self, parser: argparse.ArgumentParser, _: Any, __: str | Sequence[Any] | None, name: str | None = None
    ) -> None:
        parser.error(f"{name} was renamed: use {self.dest}")


def add_renamed_option(parser: argparse.ArgumentParser, old: str, new: str) -> None:
    """Makes `parser` refuse `old`, which does not show in --help, with a line that names `new`."""
    parser.add_argument(old, dest=new, action=_Renamed, nargs="?", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
