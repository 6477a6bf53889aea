"""imgfp duplicates: one collection against itself."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the heavy packages are imported by the command that needs them
    from imgfp.pipeline.duplicates import Duplicates

_SHOWN = 10


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "duplicates",
        help="find the copies within one collection, in groups",
        description="Compares every image of FOLDER, a folder of images or a text list, with all others. Deletes nothing.",
        epilog="example: imgfp duplicates photos/ --out copies",
    )
    parser.add_argument("images", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="output folder; rerun with the same folder to resume",
    )
    parser.add_argument(
        "--preset", default="default", help="default; imgfp gives no probabilities (default: %(default)s)"
    )
    parser.add_argument("--branches", default="local", help="local, global or local,global (default: %(default)s)")
    parser.set_defaults(run=run_duplicates)


def run_duplicates(options: argparse.Namespace) -> int:
    """imgfp duplicates."""
    from imgfp.images import ImageList
    from imgfp.pipeline.duplicates import find_duplicates
    from imgfp.pipeline.run_config import RunConfig
    from imgfp.reports import write_report
    from imgfp.reports.console import report_failures
    from imgfp.reports.duplicates_report import duplicates_report

    run = RunConfig.named(options.preset, options.branches)
    found = find_duplicates(ImageList.open_collection(options.images), options.out, run)
    settings = {"preset": run.name, "branches": ",".join(run.branches)}
    write_report(duplicates_report(found, settings), options.out / "report.html")
    _print(found)
    return report_failures(found.failures, options.out / "failures.csv")


def _print(found: "Duplicates") -> None:
    from imgfp.reports.console import print_stages

    print(found.summary)
    for number, group in enumerate(found.groups[:_SHOWN], start=1):
        print(f"  group {number}: {len(group)} images, the likely original {group[0].image_id}")
    print(found.precision)
    print("stages:")
    print_stages(found.stages)
    print(f"open next: {found.out / 'report.html'} (groups), {found.out / 'groups.csv'}, {found.out / 'pairs.csv'}")
