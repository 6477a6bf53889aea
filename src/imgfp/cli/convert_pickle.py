"""imgfp convert-pickle: ground truth and PCA files that were published as pickles, as JSON or NPZ."""

import argparse
from pathlib import Path


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "convert-pickle",
        help="convert a pickle of plain data to JSON or NPZ, without running it",
        description="Reads a pickle of dicts, lists, strings, numbers and arrays of numbers without running any code in "
        "it, and writes it as JSON (arrays become lists) or as the arrays of an NPZ file. Anything else is refused.",
        epilog="example: imgfp convert-pickle gnd_roxford5k.pkl gnd_roxford5k.json",
    )
    parser.add_argument("pickle", type=Path, metavar="FILE.pkl")
    parser.add_argument("out", type=Path, metavar="OUT", help="file to write, .json or .npz")
    parser.add_argument(
        "--names",
        metavar="A,B,...",
        help="names of the arrays of a list, such as mean,eigvec,eigval for a PCA (a dict has names already; .npz only)",
    )
    parser.set_defaults(run=run_convert)


def run_convert(options: argparse.Namespace) -> int:
    """imgfp convert-pickle."""
    from imgfp.errors import OK, InputError
    from imgfp.records.plain_files import write_arrays, write_plain_json
    from imgfp.records.plain_pickle import read_plain_pickle

    suffix = options.out.suffix
    if suffix not in (".json", ".npz") or (suffix == ".json" and options.names):
        raise InputError(f"{options.out}: give a file .json, or .npz (with --names for the arrays of a list)")
    content = read_plain_pickle(options.pickle)
    if suffix == ".json":
        write_plain_json(options.out, content)
    else:
        write_arrays(options.out, content, options.names.split(",") if options.names else None)
    print(f"written: {options.out}")
    return OK
