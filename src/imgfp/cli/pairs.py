"""imgfp pairs: from photographs to the pairs that structure from motion should match."""

import argparse
from pathlib import Path

_SHOWN = 10  # sets of identical files, and files of each


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "pairs",
        help="choose and verify the pairs of photographs to match for 3D reconstruction",
        description=(
            "Finds which photographs of IMAGES, a folder or a text list, show the same surface. Similarity of a network proposes "
            "pairs, SIFT matches with a two-view geometry verify them."
        ),
        epilog="example: imgfp pairs photos/ --out pairs.txt --colmap database.db",
    )
    parser.add_argument("images", type=Path, metavar="IMAGES")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="text file of pairs; features and report are stored beside it; rerun to resume, also with other settings",
    )
    parser.add_argument("--top", type=int, default=20, help="most pairs per photograph (default: %(default)s)")
    parser.add_argument(
        "--select",
        default="grow",
        help="grow: verify where the view graph needs it; trees: spanning trees; knn: nearest neighbours (default: %(default)s)",
    )
    parser.add_argument("--budget", type=int, metavar="N", help="verify at most N pairs in all")
    parser.add_argument("--mutual", action="store_true", help="only pairs where each is among the other's nearest")
    parser.add_argument(
        "--min-score", type=float, metavar="S", help="only pairs with at least this similarity (-1 to 1)"
    )
    parser.add_argument("--unverified", action="store_true", help="write all tested pairs, not only the verified ones")
    parser.add_argument(
        "--format",
        default="hloc",
        help="hloc: 'nameA nameB' per line, as COLMAP reads it too; match_pairs: 'index index score' (default: %(default)s)",
    )
    parser.add_argument(
        "--colmap",
        type=Path,
        metavar="DATABASE",
        help="also write a COLMAP database with images, keypoints and verified matches",
    )
    parser.add_argument(
        "--camera",
        default="auto",
        help="photographs that share a camera in the database: auto, single, per-folder, per-image (default: %(default)s)",
    )
    parser.set_defaults(run=run_pairs)


def run_pairs(options: argparse.Namespace) -> int:
    """imgfp pairs."""
    from imgfp.api.commands import pairs, work_folder
    from imgfp.pipeline.pairs.pair_files import report_paths
    from imgfp.reports.console import print_stages, report_failures

    result = pairs(
        options.images,
        options.out,
        top=options.top,
        select=options.select,
        budget=options.budget,
        mutual=options.mutual,
        min_score=options.min_score,
        unverified=options.unverified,
        format=options.format,
        colmap=options.colmap,
        camera=options.camera,
    )
    print(f"{result.graph.summary}")
    _print_identical(result.identical)
    print("stages:")
    print_stages(result.stages)
    database = f", {options.colmap} (COLMAP database)" if options.colmap else ""
    print(f"results: {options.out} (pairs), {report_paths(options.out)[0]} (view graph){database}")
    return report_failures(result.failures, work_folder(options.out) / "failures.csv")


def _print_identical(sets: tuple[tuple[str, ...], ...]) -> None:
    if not sets:
        return
    copies = sum(len(names) - 1 for names in sets)
    print(f"{copies:,} files are identical to others and add no view: keep one of each:")
    for names in sets[:_SHOWN]:
        more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        print(f"  {' = '.join(names[:_SHOWN])}{more}")
    if len(sets) > _SHOWN:
        print(f"  {len(sets) - _SHOWN:,} more sets are listed in the JSON file of the view graph")
