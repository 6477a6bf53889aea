"""imgfp study: moves MLflow runs between machines and stores."""

import argparse
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
        lambda where: export_study(open_existing(where), options.names, options.out, options.weights),
    )


def run_import(options: argparse.Namespace) -> int:
    """imgfp study import."""
    from imgfp.tracking import open_store
    from imgfp.tracking.study import bring_study

    return _told(options, lambda where: bring_study(options.study, open_store(where)))


def run_upload(options: argparse.Namespace) -> int:
    """imgfp study upload."""
    from imgfp.tracking import open_store
    from imgfp.tracking.study import upload_unlogged

    return _told(options, lambda where: upload_unlogged(options.folder, open_store(where)))


def _told(options: argparse.Namespace, action: Callable[[str], str]) -> int:
    """Prints the line that `action` returns for the store's address; what happens to a store is bad input."""
    from imgfp.errors import OK, InputError
    from imgfp.tracking.address import default_address
    from imgfp.tracking.outage import outage

    where = options.mlruns or default_address()
    try:
        print(action(where))
    except Exception as error:
        if (reason := outage(error)) is None:
            raise
        raise InputError(f"{where}: {reason}: rerun the same command to resume") from None
    return OK
