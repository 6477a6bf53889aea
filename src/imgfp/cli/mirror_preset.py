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


def require_options(options: argparse.Namespace, *names: str) -> None:
    """Refuses a step without the options it needs; argparse cannot, since `--show` needs none.

    Raises:
        InputError: one of them is missing.
    """
    for name in names:
        if getattr(options, name) is None:
            raise InputError(f"--{name.replace('_', '-')} is missing: see 'imgfp mirror {options.step} --help'")
