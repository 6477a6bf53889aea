"""The program `imgfp`: parse, call one function, print. Exit 0; 2 for bad input; 3 where images had to be left out."""

import argparse
import os
import sys
from collections.abc import Sequence

from imgfp.errors import BAD_INPUT, INTERRUPTED, OK, InputError
from imgfp.install_check import installation_problems, package_version


class Parser(argparse.ArgumentParser):
    """Bad usage is one line, as bad input is."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Prints one line and exits 2."""
        self.exit(BAD_INPUT, f"{self.prog}: {message} (try '{self.prog} --help')\n")


def build_parser() -> Parser:
    """The parser of all subcommands; each names the function that runs it."""
    from imgfp.cli import (
        convert_mirror,
        convert_pickle,
        crop,
        demo,
        duplicates,
        evaluate,
        export,
        find,
        mirror,
        original_steps,
        pairs,
        study,
    )

    parser = Parser(
        prog="imgfp",
        description="Finds which reference image an edited query was made from, with a probability, and which photographs show "
        "the same place.",
        epilog="example: imgfp find suspects/ archive/ --out result",
    )
    parser.add_argument("--version", action="version", version=f"imgfp {package_version('imgfp')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    modules = (
        find,
        duplicates,
        pairs,
        evaluate,
        crop,
        original_steps,
        mirror,
        convert_mirror,
        convert_pickle,
        export,
        demo,
        study,
    )
    for module in modules:
        module.add_commands(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit code."""
    for problem in installation_problems():
        print(f"imgfp: {problem}", file=sys.stderr)
    options = build_parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except InputError as error:
        print(f"imgfp {options.command}: {error}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:  # who reads has seen enough: `imgfp ... | head`
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # nothing is left to flush at the end
        return OK
    except OSError as error:  # a full disk, an output folder that is a file or may not be written to
        print(f"imgfp {options.command}: {error}: free the disk, or give another output", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print(f"imgfp {options.command}: interrupted; rerun the same command to resume", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
