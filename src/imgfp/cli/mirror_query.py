"""imgfp mirror query: rank a database of region features for each query, as MIRorR's deep_query."""

import argparse
from pathlib import Path

TOP = 200


def add_query_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `query` to the subcommands of `imgfp mirror`."""
    parser = commands.add_parser(
        "query",
        help="rank the database for each query by PR-MAC: match_pairs",
        description="Ranks the images of --feature-list for each query; writes lines '<query index> <database index> "
        "<score>' to DIR/match_pairs. Without --query-list each image of the database is a query.",
        epilog="example: imgfp mirror query --feature-list features.txt --top 20 --out-dim 256 --out result",
    )
    parser.add_argument("--feature-list", type=Path, required=True, metavar="FILE", help="text list of .npy files")
    parser.add_argument("--query-list", type=Path, metavar="FILE", help="the same for the queries")
    parser.add_argument("--root", type=Path, metavar="DIR", help="where the files are (default: the list's folder)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--top", type=int, default=TOP, help="answers per query (default: %(default)s)")
    measure = parser.add_mutually_exclusive_group()
    for name, meaning in (("rmac", "sum of the regions"), ("mac", "first region"), ("aml", "best pair of regions")):
        measure.add_argument(f"--{name}", dest="measure", action="store_const", const=name, help=f"compare by {meaning}")
    parser.set_defaults(measure="prmac")
    parser.add_argument("--euclidean-dist", action="store_true", help="squared distances; not normalised unless whitened")
    parser.add_argument("--out-dim", type=int, metavar="N", help="fit a whitening to N dimensions on the database")
    parser.add_argument("--pca-thresh", type=float, metavar="X", help="fit as many dimensions as explain share X")
    parser.add_argument(
        "--pca-file", metavar="FILE.npz", help="use a stored whitening; 'packaged': that of the embedded network"
    )
    parser.add_argument("--save-pca", type=Path, metavar="FILE.npz", help="store the whitening that was used")
    parser.add_argument("--qe", type=int, default=0, metavar="K", help="query expansion by the first K answers")
    parser.add_argument("--et", type=int, default=0, metavar="N", help="rounds of query expansion (default: 0, none)")
    parser.add_argument(
        "--search",
        choices=("auto", "exact", "two-stage"),
        default="auto",
        help="two-stage: exact PR-MAC for the candidates of an approximate search only (default: auto, by size)",
    )
    parser.set_defaults(run=run_query)


def run_query(options: argparse.Namespace) -> int:
    """imgfp mirror query."""
    from imgfp.errors import InputError
    from imgfp.mirror.feature_files import read_feature_list
    from imgfp.mirror.query import DATABASE, NONE, QueryConfig, WhiteningConfig, query
    from imgfp.mirror.similarity import SimilarityConfig
    from imgfp.reports.console import report_failures

    fitted = options.out_dim is not None or options.pca_thresh is not None
    whitening = WhiteningConfig(
        options.pca_file or (DATABASE if fitted else NONE), options.out_dim, options.pca_thresh
    )
    if options.qe and not options.et:
        raise InputError(f"--qe {options.qe} without --et: give the rounds of query expansion, such as --et 2")
    similarity = SimilarityConfig(options.measure, options.euclidean_dist)
    config = QueryConfig(options.top, similarity, whitening, options.qe, options.et, options.search)
    database = read_feature_list(options.feature_list, options.root)
    queries = database if options.query_list is None else read_feature_list(options.query_list, options.root)
    answered = query(database.values, None if queries is database else queries.values, config)
    pairs = answered.ranking.match_pairs(queries.positions, database.positions)
    pairs.write(options.out / "match_pairs")
    if options.save_pca is not None:
        if answered.whitening is None:
            raise InputError(f"--save-pca {options.save_pca}: no whitening was used: give --out-dim or --pca-thresh")
        answered.whitening.save(options.save_pca)
    print(f"{len(pairs)} answers for {len(queries.positions)} queries in {options.out / 'match_pairs'}")
    failures = tuple(dict.fromkeys((*database.failures, *queries.failures)))
    return report_failures(failures, options.out / "failures.csv")
