"""imgfp mirror query: rank a database of region features for each query, as MIRorR's deep_query."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from imgfp.cli.mirror_preset import add_preset_options, require_options, show_preset
from imgfp.errors import InputError
from imgfp.progress import announce

if TYPE_CHECKING:
    from imgfp.mirror.query import QueryConfig


def add_query_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `query` to the subcommands of `imgfp mirror`."""
    parser = commands.add_parser(
        "query",
        help="rank the database for each query by PR-MAC: match_pairs",
        description="Ranks the images of --feature-list for each query; writes lines '<query index> <database index> "
        "<score>' to DIR/match_pairs. Without --query-list each image of the database is a query.",
        epilog="example: imgfp mirror query --feature-list features.txt --top 20 --out-dim 256 --out result",
    )
    parser.add_argument("--feature-list", type=Path, metavar="FILE", help="text list of .npy files")
    parser.add_argument("--query-list", type=Path, metavar="FILE", help="the same for the queries")
    parser.add_argument("--root", type=Path, metavar="DIR", help="where the files are (default: the list's folder)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="output folder")
    parser.add_argument("--top", type=int, metavar="N", help="answers per query (default: 200)")
    measures = parser.add_mutually_exclusive_group()
    for name, text in (
        ("rmac", "compare the sums of the regions"),
        ("mac", "compare the first regions"),
        ("aml", "the best pair of regions instead of the mean over the query's"),
    ):
        measures.add_argument(f"--{name}", dest="measure", action="store_const", const=name, default="prmac", help=text)
    parser.add_argument(
        "--euclidean-dist", action="store_true", help="squared distances; not normalised unless whitened"
    )
    whitening = parser.add_mutually_exclusive_group()
    whitening.add_argument("--out-dim", type=int, metavar="N", help="fit a whitening to N dimensions on the database")
    whitening.add_argument("--pca-thresh", type=float, metavar="X", help="fit as many dimensions as explain share X")
    whitening.add_argument(
        "--pca-file", metavar="FILE.npz", help="use a stored whitening; 'packaged': that of the embedded network"
    )
    parser.add_argument("--save-pca", type=Path, metavar="FILE.npz", help="store the whitening that was used")
    parser.add_argument("--qe", type=int, metavar="K", help="query expansion by the first K answers")
    parser.add_argument("--et", type=int, metavar="N", help="rounds of query expansion (default: 0, none)")
    parser.add_argument(
        "--search",
        choices=("auto", "exact", "two-stage"),
        default="auto",
        help="two-stage: exact PR-MAC for the candidates of an approximate search only (default: auto, by size)",
    )
    add_preset_options(parser)
    parser.set_defaults(run=run_query)


def run_query(options: argparse.Namespace) -> int:
    """imgfp mirror query."""
    if options.show:
        return show_preset(options)
    require_options(options, "feature_list", "out")

    from imgfp.mirror.feature_files import read_listed_features
    from imgfp.mirror.query import query
    from imgfp.reports.console import report_failures

    config = query_config(options)
    database = read_listed_features(options.feature_list, options.root)
    queries = database if options.query_list is None else read_listed_features(options.query_list, options.root)
    answered = query(database.values, None if queries is database else queries.values, config)
    if options.save_pca is not None:
        if answered.whitening is None:
            raise InputError(f"--save-pca {options.save_pca}: no whitening was used: give --out-dim or --pca-thresh")
        answered.whitening.save(options.save_pca)
    pairs = answered.ranking.match_pairs(queries.positions, database.positions)
    pairs.write(options.out / "match_pairs")
    print(f"{len(pairs)} answers for {len(queries.positions)} queries in {options.out / 'match_pairs'}")
    failures = tuple(dict.fromkeys((*database.failures, *queries.failures)))
    return report_failures(failures, options.out / "failures.csv")


def query_config(options: argparse.Namespace) -> "QueryConfig":
    """The settings: the options, then the preset, then the defaults.

    Raises:
        InputError: bad values, or an unknown preset.
    """
    from imgfp.mirror.presets import mirror_preset
    from imgfp.mirror.query import DATABASE, NONE, QueryConfig, WhiteningConfig
    from imgfp.mirror.similarity import SimilarityConfig

    preset = None if options.preset is None else mirror_preset(options.preset)
    values = {}
    for key, default, least in (("top", QueryConfig.top, 1), ("qe", 0, 0), ("et", 0, 0)):
        value = getattr(options, key)
        if value is not None and value < least:
            raise InputError(f"--{key} {value}: must be an integer >= {least}")
        values[key] = getattr(preset, key, default) if value is None else value
    if values["qe"] and not values["et"]:
        announce(f"--qe {values['qe']} without rounds: queries are not expanded; give --et 2 for two rounds")
    out_dim = options.out_dim
    if preset is not None and out_dim is None and options.pca_thresh is None and options.pca_file is None:
        out_dim = preset.out_dim
    fitted = out_dim is not None or options.pca_thresh is not None
    whitening = WhiteningConfig(options.pca_file or (DATABASE if fitted else NONE), out_dim, options.pca_thresh)
    similarity = SimilarityConfig(options.measure, options.euclidean_dist)
    return QueryConfig(values["top"], similarity, whitening, values["qe"], values["et"], search=options.search)
