"""imgfp find, index, search: daily use."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # heavy packages are imported by the command that needs them
    from imgfp.images import ImageList
    from imgfp.pipeline.run_config import RunConfig
    from imgfp.pipeline.search import SearchResult
    from imgfp.pipeline.stages.stage import StageResult

COMMON_OUT = "output folder; rerun with the same folder to resume"


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the three commands."""
    find = commands.add_parser(
        "find",
        help="find which reference each query was made from, in one go",
        description="Finds which reference each query was made from. QUERIES and REFERENCES: a folder of images or a text list.",
        epilog="example: imgfp find suspects/ archive/ --out result",
    )
    find.add_argument("queries", type=Path, metavar="QUERIES")
    find.add_argument("references", type=Path, metavar="REFERENCES")
    _add_build(find)
    find.set_defaults(preset="default", branches="local,global", index="auto")
    _add_search(find)
    find.set_defaults(run=run_find)

    index = commands.add_parser(
        "index",
        help="build an index of references, extend or prune it",
        description="Builds an index of REFERENCES, a folder of images or a text list, or changes an existing one.",
        epilog="example: imgfp index archive/ --out archive.index",
    )
    what = index.add_mutually_exclusive_group(required=True)
    what.add_argument("references", type=Path, metavar="REFERENCES", nargs="?")
    what.add_argument("--add", type=Path, metavar="MORE", help="add these images to INDEX, with its own settings")
    what.add_argument("--remove", metavar="IDS", help="remove images by id (comma-separated), or a text file of ids")
    index.add_argument("--out", type=Path, required=True, metavar="INDEX", help=COMMON_OUT)
    _add_build(index)
    index.set_defaults(run=run_index)

    search = commands.add_parser(
        "search",
        help="look queries up in an index",
        description="Looks QUERIES up in INDEX, with the preset the index was built for.",
        epilog="example: imgfp search archive.index suspects/ --out result",
    )
    search.add_argument("index", type=Path, metavar="INDEX")
    search.add_argument("queries", type=Path, metavar="QUERIES")
    search.add_argument("--branches", default=None, help="some of local, global, crop (default: those of the index)")
    _add_search(search)
    search.set_defaults(run=run_search)


def _add_build(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", help="default, or imgfp: the rules of the 2021 system (default: default)")
    parser.add_argument("--branches", help="candidate generators: some of local, global, crop (default: local,global)")
    parser.add_argument(
        "--index",
        metavar="KIND",
        help="index type for local descriptors: auto, exact, ivf_sq8, ivf_pq24, ivf_pq16 (default: auto)",
    )


def _add_search(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help=COMMON_OUT)
    parser.add_argument("--background", type=Path, metavar="DIR", help="negative images for score normalisation")


def run_find(options: argparse.Namespace) -> int:
    """imgfp find."""
    from imgfp.images import ImageList
    from imgfp.pipeline.run_config import RunConfig
    from imgfp.pipeline.search import find

    run = RunConfig.named(options.preset, options.branches, options.index)
    queries, references = ImageList.open(options.queries), ImageList.open(options.references)
    _print_note(run)
    return finish(find(queries, references, options.out, run, _background(options)))


def run_index(options: argparse.Namespace) -> int:
    """imgfp index."""
    from imgfp.images import write_failures
    from imgfp.pipeline.index.index import index_failures, open_images
    from imgfp.reports.console import print_stages, report_failures

    stages = tuple(_changed(options) if options.references is None else _built(options))
    print(f"index of {len(open_images(options.out)):,} images in {options.out}" + ("; stages:" if stages else ""))
    print_stages(stages)
    print(f"next: imgfp search {options.out} QUERIES --out result")
    failures = tuple(dict.fromkeys(failure for stage in stages for failure in stage.failures))
    code = report_failures(failures, options.out / "failures.csv")
    write_failures(options.out / "failures.csv", index_failures(options.out))  # of earlier parts too
    return code


def _built(options: argparse.Namespace) -> "list[StageResult]":
    from imgfp.images import ImageList
    from imgfp.pipeline.index.index import build_index
    from imgfp.pipeline.run_config import DEFAULT_BRANCHES, RunConfig

    run = RunConfig.named(options.preset or "default", options.branches or DEFAULT_BRANCHES, options.index)
    run.check_indexable()
    references = ImageList.open(options.references)
    _print_note(run)
    return build_index(references, options.out, run)


def _changed(options: argparse.Namespace) -> "list[StageResult]":
    from imgfp.images import ImageList
    from imgfp.pipeline.index.grow import add_images, read_ids, remove_images

    wanted = {"--preset": options.preset, "--branches": options.branches, "--index": options.index}
    given = {name: value for name, value in wanted.items() if value is not None}
    if options.remove is not None:
        return remove_images(read_ids(options.remove), options.out, given)
    return add_images(ImageList.open(options.add), options.out, given)


def run_search(options: argparse.Namespace) -> int:
    """imgfp search."""
    from imgfp.images import ImageList
    from imgfp.pipeline.index.index import open_index
    from imgfp.pipeline.search import run_for, search

    index = open_index(options.index)
    run = run_for(index, options.branches)
    queries = ImageList.open(options.queries)
    _print_note(run)
    return finish(search(index, queries, options.out, run, _background(options)))


def finish(result: "SearchResult") -> int:
    """Writes the report and prints the summary."""
    from imgfp.reports import write_report
    from imgfp.reports.console import print_result, report_failures
    from imgfp.reports.search_report import search_report

    settings = {"preset": result.run.name, "branches": ",".join(result.run.branches)}
    if result.crops is not None:
        settings["crops"] = result.crops.finder
    notes = () if result.run.note is None else (result.run.note,)
    write_report(search_report(result, "Copy detection", settings, notes), result.out / "report.html")
    print_result(result)
    return report_failures(result.failures, result.out / "failures.csv")


def _background(options: argparse.Namespace) -> "ImageList | None":
    from imgfp.images import ImageList

    return None if options.background is None else ImageList.open(options.background)


def _print_note(run: "RunConfig") -> None:
    if run.note:
        print(run.note, file=sys.stderr)
