"""imgfp demo: search on real photographs with evaluation, report and MLflow tracking (run by `make demo`)."""

import argparse
import time
from pathlib import Path

DEMO_NOTE = (
    "This is a demonstration set, built from photographs bundled with scikit-image and scikit-learn; "
    "its metrics show that the software works, not how it performs on other data."
)


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "demo",
        help="search and evaluation on photographs bundled with installed packages, or on a DISC-style folder",
        description="Builds a demonstration set (or uses --data), searches, evaluates, writes a report and tracks the run.",
        epilog="example: imgfp demo --out outputs/demo",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="a DISC-style folder instead of the demonstration set")
    parser.add_argument("--preset", default="default", help="default or imgfp (default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, default=Path("outputs/demo"), metavar="DIR", help="output folder (default: %(default)s)"
    )
    parser.add_argument(
        "--store",
        metavar="STORE",
        help="MLflow store: a folder, or a server's address (default: $MLFLOW_TRACKING_URI, else mlruns)",
    )
    parser.set_defaults(run=run_demo)


def run_demo(options: argparse.Namespace) -> int:
    """imgfp demo."""
    from dataclasses import asdict

    from imgfp.install_check import require_extra

    require_extra("train" if options.data else "demo", "mlflow")  # before the set is made
    from imgfp.datasets.demo_set import make_demo_set
    from imgfp.datasets.disc_set import DiscSet
    from imgfp.pipeline.preset import BRANCHES
    from imgfp.pipeline.run_config import RunConfig
    from imgfp.progress import announce
    from imgfp.reports.console import print_result, report_failures, ui_hint
    from imgfp.studies.judged_run import Tracking, figures_table, judged_run
    from imgfp.tracking.address import Address, default_address
    from imgfp.tracking.store import keep_unlogged_in

    started = time.monotonic()
    where = options.store or default_address()
    Address.parse(where)  # a bad one is refused before the set is made
    run = RunConfig.named(options.preset, BRANCHES)
    notes: tuple[str, ...] = ()
    root = options.data
    if root is None:
        root, notes = options.out / "demo-set", (DEMO_NOTE,)
        announce(f"demonstration set: {root}")
        make_demo_set(root)
    data = DiscSet.open(root)
    keep_unlogged_in(options.out)
    settings = {"data": data.root.name, "preset": options.preset, "branches": list(run.branches), **asdict(run.preset)}
    tracking = Tracking(where, "demo", settings)
    done = judged_run(data, options.out, run, None, tracking, notes)
    print(figures_table(done.figures))
    for note in notes:
        print(note)
    print_result(done.search)
    print(f"MLflow run: {ui_hint(where)}; total time {time.monotonic() - started:.0f} s")
    return report_failures(done.search.failures, done.search.out / "failures.csv")
