"""Fixes a copied store: MLflow writes absolute artifact URIs into the database.

python -m imgfp.tracking.relocate FOLDER
"""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from imgfp.errors import InputError
from imgfp.files import file_lock
from imgfp.tracking.store import open_store

# every column of MLflow's schema that contains artifact URIs
_URI_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def relocate(folder: Path) -> int:
    """Rewrites artifact URIs so that they point into `folder`, the store's current location.

    Only the database is changed; run it once after copying. A store that was not moved is left unchanged.

    Returns:
        Number of rewritten URIs.

    Raises:
        InputError: `folder` is not a store.
    """
    if not (folder / "mlflow.db").is_file():
        raise InputError(f"{folder}: no mlflow.db found: give the folder that contains it")
    store = open_store(folder)
    here = store.artifacts.as_uri() + "/"
    with file_lock(store.lock_path), closing(sqlite3.connect(store.folder / "mlflow.db", timeout=60)) as database:
        locations = [row[0] for row in database.execute("SELECT artifact_location FROM experiments")]
        # an experiment's folder is directly in the artifacts folder (see Store.experiment_id)
        before = {location.rstrip("/").rpartition("/")[0] + "/" for location in locations if location}
        changed = 0
        with database:  # one transaction
            for old in sorted(root for root in before if root != here and root.endswith("/artifacts/")):
                for table, column in _URI_COLUMNS:
                    changed += database.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                        (here, len(old) + 1, len(old), old),
                    ).rowcount
    return changed


def main() -> None:
    """Command line with one argument, the store's folder."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m imgfp.tracking.relocate FOLDER")
    try:
        print(f"{relocate(Path(sys.argv[1]))} artifact URIs now point into {Path(sys.argv[1]).resolve()}")
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
