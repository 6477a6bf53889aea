"""imgfp evaluate: the official metrics of a predictions file."""

import argparse
import json
import math
from pathlib import Path
from typing import Any

from imgfp.cli.renamed_option import add_renamed_option

FIGURES = {
    "uap": "uAP",
    "recall_at_p90": "R@P90",
    "threshold_at_p90": "threshold at P90",
    "recall_at_1": "recall@1",
    "recall_at_10": "recall@10",
}


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "evaluate",
        help="evaluate predictions by the challenge's official metrics",
        description="Evaluates PREDICTIONS (query_id,reference_id,score; CSV or Parquet) by GROUND_TRUTH (query_id,reference_id).",
        epilog="example: imgfp evaluate result/predictions.csv ground_truth.csv --json",
    )
    parser.add_argument("predictions", type=Path, metavar="PREDICTIONS")
    parser.add_argument("ground_truth", type=Path, metavar="GROUND_TRUTH")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="OTHER",
        help="other predictions: print each difference with a paired bootstrap 95 %% interval",
    )
    parser.add_argument(
        "--edits", type=Path, metavar="FILE", help="CSV of query_id,edits (names joined by +), for --with-edits"
    )
    parser.add_argument(
        "--with-edits", metavar="EDITS", help="evaluate only queries with one of these edits (comma-separated)"
    )
    add_renamed_option(parser, "--having", "--with-edits")
    parser.set_defaults(run=run_evaluate)


def run_evaluate(options: argparse.Namespace) -> int:
    """imgfp evaluate."""
    from imgfp.metrics import compare, evaluate
    from imgfp.records import GroundTruth, Pairs

    truth = GroundTruth.read_csv(options.ground_truth)
    if options.edits is not None or options.with_edits is not None:
        truth = truth.of_queries(queries_with_edits(options.edits, options.with_edits))
    predictions = Pairs.read(options.predictions)
    result: dict[str, Any] = evaluate(predictions, truth).as_dict()
    if options.against is not None:
        other, differences = compare(predictions, Pairs.read(options.against), truth)
        result["against"] = {
            "predictions_file": str(options.against),
            **other.figures(),
            "difference": {
                name: {"difference": item.difference, "low": item.low, "high": item.high}
                for name, item in differences.items()
            },
        }
    print(json.dumps(_strict(result), allow_nan=False) if options.json else _as_text(result))
    return 0


def queries_with_edits(edits: Path | None, names: str | None) -> set[str]:
    """The ids of the queries that were made with one of the named edits.

    Raises:
        InputError: only one of the two is given, or there is no such query.
    """
    import csv

    from imgfp.errors import InputError
    from imgfp.files import read_lines

    wanted = {name.strip() for name in (names or "").split(",") if name.strip()}
    if edits is None or not wanted:
        raise InputError("--edits FILE and --with-edits EDITS belong together: give both")
    rows = list(csv.DictReader(read_lines(edits, "a CSV of query_id,edits")))
    if rows and not {"query_id", "edits"} <= rows[0].keys():
        raise InputError(f"{edits}: has the columns {', '.join(rows[0])}: give query_id,edits")
    found = {row["query_id"] for row in rows if wanted & set((row["edits"] or "").split("+"))}
    if not found:
        known = sorted({name for row in rows for name in (row["edits"] or "").split("+")} - {""})
        raise InputError(f"--with-edits {names}: no query has one of these edits; known edits: {', '.join(known)}")
    return found


def _strict(value: Any) -> Any:
    """JSON has no infinity (a score, and so a threshold, may be one): it becomes the text "inf" or "-inf"."""
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    return str(value) if isinstance(value, float) and math.isinf(value) else value


def _as_text(result: dict[str, Any]) -> str:
    lines = [f"{label:<18} {_number(result[name])}" for name, label in FIGURES.items()]
    lines.append(f"{result['predictions']} predictions, {result['queries']} queries, {result['pairs']} true pairs")
    if "against" in result:
        lines.append(f"difference to {result['against']['predictions_file']} (95 % interval, queries resampled):")
        lines += [
            f"{FIGURES[name]:<18} {item['difference']:+.4f} ({item['low']:+.4f} to {item['high']:+.4f})"
            for name, item in result["against"]["difference"].items()
        ]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "never reached" if value is None else f"{value:.4f}"
