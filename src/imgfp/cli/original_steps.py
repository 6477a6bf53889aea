"""imgfp sift, vote, describe, topk, score, merge: the steps of the original imgFp with its file formats."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from imgfp.plural import counted

if TYPE_CHECKING:  # heavy packages are imported by the command that needs them
    from imgfp.encoders import EncoderConfig

RULES = "imgFp's rules"


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the six commands."""
    sift = commands.add_parser(
        "sift",
        help="step 2: extract local features as imgFp's text files",
        description="Extracts local features of IMAGES (a folder or a text list).",
        epilog="example: imgfp sift queries/ --out query_features",
    )
    sift.add_argument("images", type=Path, metavar="IMAGES")
    sift.add_argument("--out", type=Path, required=True, metavar="DIR")
    sift.add_argument(
        "--format",
        choices=("text", "store"),
        default="text",
        help="one .txt per image, or a feature store (default: text)",
    )
    sift.set_defaults(run=run_sift)

    vote = commands.add_parser(
        "vote",
        help="steps 3 and 5: local candidates by voting, lines Q.jpg,R.jpg",
        description=f"Votes for references by {RULES}: exact nearest neighbour of every query descriptor.",
        epilog="example: imgfp vote query_features reference_features --out local_pairs.txt",
    )
    vote.add_argument("queries", type=Path, metavar="QUERY_FEATURES")
    vote.add_argument("references", type=Path, metavar="REFERENCE_FEATURES")
    _add_text_out(vote)
    vote.set_defaults(run=run_vote)

    describe = commands.add_parser(
        "describe",
        help="step 6: global descriptors of queries and references, one HDF5 file",
        description="Computes global descriptors of QUERIES and REFERENCES (folders or text lists) with the embedded encoder, an export, an EsViT or a timm model.",
        epilog="example: imgfp describe queries/ references/ --out descriptors.h5",
    )
    describe.add_argument("queries", type=Path, metavar="QUERIES")
    describe.add_argument("references", type=Path, metavar="REFERENCES")
    describe.add_argument("--out", type=Path, required=True, metavar="FILE.h5")
    describe.add_argument(
        "--encoder",
        default=None,
        help="esvit_base_w14, ... or a timm model (default: from the export's model card, else the embedded encoder); champion, "
        "models:/NAME@ALIAS or models:/NAME/VERSION: the weights that MLflow knows by this address",
    )
    describe.add_argument(
        "--weights",
        default=None,
        metavar="FILE",
        help="an export (.safetensors with its model card), an EsViT or imgFp checkpoint, or .safetensors for a timm model",
    )
    describe.add_argument(
        "--mlruns",
        default=None,
        metavar="STORE",
        help="MLflow's store, where such an address is looked up: a folder or a server (default: MLFLOW_TRACKING_URI, else mlruns)",
    )
    describe.set_defaults(run=run_describe)

    topk = commands.add_parser(
        "topk",
        help="step 7: global candidates, lines Q.jpg,R.jpg",
        description="Finds the nearest references of every query by exact L2 search in an HDF5 file of descriptors.",
        epilog="example: imgfp topk descriptors.h5 --out global_pairs.txt",
    )
    topk.add_argument("descriptors", type=Path, metavar="FILE.h5")
    topk.add_argument("-k", type=int, default=1, help="references per query (default: 1, as in imgFp)")
    _add_text_out(topk)
    topk.set_defaults(run=run_topk)

    score = commands.add_parser(
        "score",
        help="step 8: match scores of pairs, lines Q.jpg,R.jpg,score:N",
        description=f"Scores pairs by their number of matches, by {RULES}.",
        epilog="example: imgfp score local_pairs.txt query_features reference_features --out local_scores.txt",
    )
    score.add_argument("pairs", type=Path, metavar="PAIRS")
    score.add_argument("queries", type=Path, metavar="QUERY_FEATURES")
    score.add_argument("references", type=Path, metavar="REFERENCE_FEATURES")
    _add_text_out(score)
    score.set_defaults(run=run_score)

    merge = commands.add_parser(
        "merge",
        help="step 8: sum of the branches' scores, tab-separated",
        description="Sums the scores of each pair over score files, given in the order global, local, crop.",
        epilog="example: imgfp merge global_scores.txt local_scores.txt --out final.txt",
    )
    merge.add_argument("scores", type=Path, nargs="+", metavar="SCORES")
    _add_text_out(merge)
    merge.set_defaults(run=run_merge)


def _add_text_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--suffix", default=".jpg", help="file suffix of ids in imgFp's text (default: %(default)s)")


def run_sift(options: argparse.Namespace) -> int:
    """imgfp sift."""
    from imgfp.images import ImageList
    from imgfp.local.store import FeatureStore
    from imgfp.local.text import write_text
    from imgfp.pipeline.presets import PRESETS
    from imgfp.pipeline.stages.features import feature_stage
    from imgfp.progress import track
    from imgfp.reports.console import print_stages, report_failures

    images = ImageList.open(options.images)
    text = options.format == "text"
    folder = options.out / ".store" if text else options.out
    result = feature_stage("features", images, PRESETS["imgfp"].sift, folder)
    if text:
        store = FeatureStore(folder, verify=False)
        for row in track(range(len(store)), len(store), "writing text"):
            write_text(options.out / f"{store.ids[row]}.txt", store.ids[row], store.get(row))
    print_stages((result,))
    print(f"features of {counted(result.items - len(result.failures), 'image')} in {options.out}")
    return report_failures(result.failures, options.out / "failures.csv")


def run_vote(options: argparse.Namespace) -> int:
    """imgfp vote."""
    from imgfp.local.index.neighbours import ExactIndex
    from imgfp.local.store import open_features
    from imgfp.pipeline.presets import PRESETS
    from imgfp.pipeline.stages.candidates import read_rows, vote_stage

    queries, references = open_features(options.queries), open_features(options.references)
    work = _work(options.out)
    voted = vote_stage(queries, ExactIndex(references), PRESETS["imgfp"].vote, work)
    pairs = read_rows(voted)
    pairs.write_imgfp(options.out, scored=False, suffix=options.suffix)
    print(f"{counted(len(pairs), 'pair')} for {counted(len(queries.ids), 'query', 'queries')} in {options.out}")
    return 0


def run_describe(options: argparse.Namespace) -> int:
    """imgfp describe."""
    from imgfp.images import ImageList
    from imgfp.pipeline.stages.describe import descriptor_stage
    from imgfp.records import read_descriptors, write_descriptors
    from imgfp.reports.console import print_stages, report_failures

    config = _encoder(options)
    lists = {"query": ImageList.open(options.queries), "reference": ImageList.open(options.references)}
    work = _work(options.out)
    stages, parts = [], {}
    for part, images in lists.items():
        stages.append(descriptor_stage(f"{part} descriptors", images, config, work / part, part))
        parts[part] = read_descriptors(work / part / "descriptors.h5", part)
    write_descriptors(options.out, **parts)
    print_stages(tuple(stages))
    print(f"{len(parts['query'])} queries and {len(parts['reference'])} references in {options.out}")
    failures = tuple(dict.fromkeys(failure for stage in stages for failure in stage.failures))
    return report_failures(failures, options.out.with_name(options.out.name + ".failures.csv"))


def _encoder(options: argparse.Namespace) -> "EncoderConfig":
    from imgfp.encoders import EMBEDDED, EncoderConfig
    from imgfp.errors import InputError
    from imgfp.tracking import is_address, resolved_encoder
    from imgfp.tracking.address import default_address

    name = options.encoder or EMBEDDED
    if options.mlruns is not None and not is_address(name):
        raise InputError(
            f"--mlruns {options.mlruns} has no effect with --encoder {name}: leave it out, or name a model in it"
        )
    return resolved_encoder(EncoderConfig(name, options.weights), options.mlruns or default_address())


def run_topk(options: argparse.Namespace) -> int:
    """imgfp topk."""
    from imgfp.descriptors import search_topk
    from imgfp.records import read_descriptors

    query, reference = (read_descriptors(options.descriptors, part) for part in ("query", "reference"))
    pairs = search_topk(query, reference, options.k, metric="l2")
    pairs.write_imgfp(options.out, scored=False, suffix=options.suffix)
    print(f"{counted(len(pairs), 'pair')} for {counted(len(query), 'query', 'queries')} in {options.out}")
    return 0


def run_score(options: argparse.Namespace) -> int:
    """imgfp score."""
    from imgfp.errors import InputError
    from imgfp.local.store import open_features
    from imgfp.pipeline.presets import PRESETS
    from imgfp.pipeline.stages.candidates import read_rows
    from imgfp.pipeline.stages.score import score_stage
    from imgfp.records import Pairs

    keys = Pairs.read_imgfp(options.pairs, options.suffix).id_pairs()
    queries, references = open_features(options.queries), open_features(options.references)
    for ids, column, folder in ((set(queries.ids), 0, options.queries), (set(references.ids), 1, options.references)):
        missing = next((key[column] for key in keys if key[column] not in ids), None)
        if missing is not None:
            raise InputError(
                f"{options.pairs}: '{missing}' has no features in {folder}: extract them or remove the pair"
            )
    work = _work(options.out)
    scored = score_stage(keys, queries, references, PRESETS["imgfp"].match, work)
    pairs = read_rows(scored)
    pairs.write_imgfp(options.out, scored=True, suffix=options.suffix)
    print(f"{len(pairs)} scores in {options.out}")
    return 0


def _work(out: Path) -> Path:
    """The folder of intermediate results, from which an interrupted step resumes."""
    return out.with_name(out.name + ".work")


def run_merge(options: argparse.Namespace) -> int:
    """imgfp merge."""
    from imgfp.fusion import sum_scores, write_merged_text
    from imgfp.records import Pairs

    merged = sum_scores([Pairs.read_imgfp(path, options.suffix) for path in options.scores])
    write_merged_text(options.out, merged)
    print(f"{counted(len(merged), 'pair')} in {options.out}")
    return 0
