"""What the commands print: best matches, what to open next, what each stage cost."""

import sys
from pathlib import Path

from imgfp.errors import LEFT_OUT, OK
from imgfp.images import Failure, write_failures
from imgfp.pipeline.search import SearchResult
from imgfp.pipeline.stages.stage import StageResult

_SHOWN = 10


def print_stages(stages: tuple[StageResult, ...]) -> None:
    """One line a stage: items, how many were reused, speed."""
    for stage in stages:
        reused = f"reused {stage.reused} of {stage.items} {stage.unit}"
        rate = f"{stage.seconds:.1f} s, {stage.rate:.1f} {stage.unit}/s" if stage.rate else f"{stage.seconds:.1f} s"
        print(f"  {stage.name:<24} {stage.items:>8} {stage.unit:<8} {reused:<36} {rate}")


def print_result(result: SearchResult) -> None:
    """The best matches and the files of the result."""
    best = result.predictions
    print(f"{result.summary}; the best:")
    for query, reference, score in zip(
        best.query_ids[:_SHOWN], best.reference_ids[:_SHOWN], best.scores[:_SHOWN], strict=True
    ):
        print(f"  {query:<24} {reference:<24} {score:10.3f}")
    print("stages:")
    print_stages(result.stages)
    named = f", {result.out / 'matches.csv'} (labels and boxes)" if result.answers else ""
    print(
        f"open next: {result.out / 'report.html'} (matches drawn), {result.out / 'predictions.csv'} (every pair){named}"
    )


def report_failures(failures: tuple[Failure, ...], listed_in: Path) -> int:
    """Lists the images that had to be left out; exit code 3 and one line where there are any, else 0."""
    write_failures(listed_in, failures)
    if not failures:
        return OK
    first = failures[0]
    print(
        f"{len(failures)} image(s) left out, listed in {listed_in}; the first: {first.path}: {first.reason}",
        file=sys.stderr,
    )
    return LEFT_OUT


def ui_hint(store: Path) -> str:
    """The command that shows an MLflow store in the browser."""
    return (
        "make ui"
        if store.name == "mlruns" and (store.parent / "Makefile").is_file()
        else f"python -m imgfp.tracking.ui {store}"
    )
