"""imgfp study: moves MLflow runs between machines and stores."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "study",
        help="export and import MLflow runs, between machines and servers",
        description="Moves MLflow runs with their params, metrics, artifacts and models between stores.",
        epilog="example: imgfp study export isc --out isc.zip",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    store = argparse.ArgumentParser(add_help=False)
    store.add_argument(
        "--mlruns",
        default=os.environ.get("MLFLOW_TRACKING_URI") or "mlruns",
        metavar="STORE",
        help="folder, sqlite:///FILE, or http address of an MLflow server (default: $MLFLOW_TRACKING_URI, else mlruns)",
    )
    export = actions.add_parser("export", parents=[store], help="write runs to a zip archive or a folder")
    export.add_argument("names", nargs="*", metavar="EXPERIMENT|RUN", help="experiments, run ids (default: everything)")
    export.add_argument(
        "--out", type=Path, required=True, metavar="STUDY", help="NAME.zip, or a folder; must not exist"
    )
    export.add_argument("--weights", action="store_true", help="also copy the weights that logged models refer to")
    export.set_defaults(run=run_export)
    bring = actions.add_parser("import", parents=[store], help="bring an exported study into a store")
    bring.add_argument("study", type=Path, metavar="STUDY", help="what export has written")
    bring.set_defaults(run=run_import)
    upload = actions.add_parser("upload", parents=[store], help="bring in runs that were kept while a store was away")
    upload.add_argument("folder", type=Path, metavar="FOLDER", help="folder of the results, or its folder 'unlogged'")
    upload.set_defaults(run=run_upload)


def run_export(options: argparse.Namespace) -> int:
    """imgfp study export."""
    from imgfp.tracking.store import open_existing
    from imgfp.tracking.study import export_study

    return _told(
        options,
        lambda: export_study(open_existing(options.mlruns), options.names, options.out, options.weights),
    )


def run_import(options: argparse.Namespace) -> int:
    """imgfp study import."""
    from imgfp.tracking import open_store
    from imgfp.tracking.study import bring_study

    return _told(options, lambda: bring_study(options.study, open_store(options.mlruns)))


def run_upload(options: argparse.Namespace) -> int:
    """imgfp study upload."""
    from imgfp.tracking import open_store
    from imgfp.tracking.study import upload_unlogged

    return _told(options, lambda: upload_unlogged(options.folder, open_store(options.mlruns)))


def _told(options: argparse.Namespace, action: Callable[[], str]) -> int:
    """Prints the line that `action` returns; what happens to a store is bad input."""
    from imgfp.errors import OK, InputError
    from imgfp.tracking.outage import outage

    try:
        print(action())
    except Exception as error:
        if (reason := outage(error)) is None:
            raise
        raise InputError(f"{options.mlruns}: {reason}: rerun the same command to resume") from None
    return OK
