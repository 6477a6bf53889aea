"""--preset NAME --show: the original's settings of each benchmark, for `imgfp mirror` and its steps."""

import argparse
from typing import Any

from imgfp.errors import OK, InputError


def add_preset_options(parser: argparse.ArgumentParser, default: Any = argparse.SUPPRESS) -> None:
    """Adds both options. A step leaves `default` alone, so that options given before its name stay in effect."""
    parser.add_argument(
        "--preset", default=default, metavar="NAME", help="the original's settings: gl3d, oxford, paris, holidays"
    )
    parser.add_argument("--show", action="store_true", default=default, help="print the preset's settings and stop")


def show_preset(options: argparse.Namespace) -> int:
    """Prints the preset that was asked for; returns the exit code.

    Raises:
        InputError: no preset given, or an unknown one.
    """
    from imgfp.mirror.presets import preset_lines

    if options.preset is None:
        raise InputError("--show prints a preset: give --preset NAME too")
    print("\n".join(preset_lines(options.preset)))
    return OK
