"""Console output of the commands: best matches, output files, cost of each stage."""

import sys
from pathlib import Path

from imgfp.errors import LEFT_OUT, OK
from imgfp.images import Failure, write_failures
from imgfp.pipeline.search import SearchResult
from imgfp.pipeline.stages.stage import StageResult

_SHOWN = 10


def print_stages(stages: tuple[StageResult, ...]) -> None:
    """Prints one line per stage: items, reused items, time and throughput."""
    for stage in stages:
        reused = f"reused {stage.reused} of {stage.items} {stage.unit}"
        rate = f"{stage.seconds:.1f} s, {stage.rate:.1f} {stage.unit}/s" if stage.rate else f"{stage.seconds:.1f} s"
        print(f"  {stage.name:<24} {stage.items:>8} {stage.unit:<8} {reused:<36} {rate}")


def print_result(result: SearchResult) -> None:
    """Prints the best matches, the stages and the paths of the output files."""
    best = result.predictions
    print(f"{result.summary}; best matches:")
    for query, reference, score in zip(
        best.query_ids[:_SHOWN], best.reference_ids[:_SHOWN], best.scores[:_SHOWN], strict=True
    ):
        print(f"  {query:<24} {reference:<24} {score:10.3f}")
    print("stages:")
    print_stages(result.stages)
    matches = f", {result.out / 'matches.csv'} (labels and boxes)" if result.answers else ""
    print(f"results: {result.out / 'report.html'} (images), {result.out / 'predictions.csv'} (all pairs){matches}")


def report_failures(failures: tuple[Failure, ...], listed_in: Path) -> int:
    """Writes the list of skipped images; prints one line and returns exit code 3 if there are any, else 0."""
    write_failures(listed_in, failures)
    if not failures:
        return OK
    print(failures_line(failures, listed_in), file=sys.stderr)
    return LEFT_OUT


def failures_line(failures: tuple[Failure, ...], listed_in: Path) -> str:
    """How many images were skipped, and the first of them; at least one."""
    first = failures[0]
    return f"{len(failures)} image(s) skipped, listed in {listed_in}; first: {first.path}: {first.reason}"


def ui_hint(store: str | Path) -> str:
    """How to open an MLflow store in the browser: a command, or the address of its server."""
    if str(store).startswith(("http://", "https://")):
        return str(store)
    folder = Path(store)
    if folder.name == "mlruns" and (folder.parent / "Makefile").is_file():
        return "make ui"
    return f"python -m imgfp.tracking.ui {store}"
