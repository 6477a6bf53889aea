"""Checks an existing SQLite database before MLflow opens it: damage, locks, and the version of its schema."""

import importlib.util
import re
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

from imgfp.errors import InputError

LOCK_WAIT = 20.0  # seconds; MLflow waits as long in each of its transactions


def database_uri(path: Path) -> str:
    """`sqlite:///` URI of an absolute path. Spaces stay as they are: SQLAlchemy does not decode them."""
    return f"sqlite:///{path.as_posix()}"


def check_database(path: Path) -> None:
    """Checks that the database can be written to and has the schema of the installed MLflow; takes milliseconds.

    Raises:
        InputError: not a database, locked by another program for `LOCK_WAIT` seconds, read-only, or another schema.
    """
    try:
        with closing(sqlite3.connect(path, timeout=LOCK_WAIT, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")  # waits for other writers, changes nothing
            found = database.execute("SELECT version_num FROM alembic_version").fetchall()
            database.execute("ROLLBACK")
    except sqlite3.DatabaseError as error:
        raise InputError(f"{path}: {_reason(error)}") from None
    revision = found[0][0] if found else ""
    known, newest = revisions()
    if revision == newest:
        return
    if revision in known:
        raise InputError(
            f"{path}: the store was written by an older MLflow: copy the file as a backup, then run "
            f"mlflow db upgrade '{database_uri(path)}'"
        )
    raise InputError(
        f"{path}: the store was written by a newer MLflow (schema {revision or 'unknown'}): update mlflow, or use another "
        "store (paths.mlruns=FOLDER)"
    )


@cache
def revisions() -> tuple[frozenset[str], str]:
    """All schema revisions of the installed MLflow, and its newest one; read from its files: importing it takes seconds."""
    spec = importlib.util.find_spec("mlflow")
    assert spec is not None, "checked by open_store"
    assert spec.submodule_search_locations is not None
    folder = Path(spec.submodule_search_locations[0]) / "store" / "db_migrations" / "versions"
    text = "\n".join(path.read_text() for path in folder.glob("*.py"))
    known = frozenset(re.findall(r'^revision\s*(?::.*)?=\s*["\'](\w+)["\']', text, re.MULTILINE))
    replaced = {
        name for line in re.findall(r"^down_revision\b.*", text, re.MULTILINE) for name in re.findall(r"\w+", line)
    }
    (newest,) = known - replaced
    return known, newest


def _reason(error: sqlite3.DatabaseError) -> str:
    text = str(error)
    if "locked" in text:
        return f"database is locked by another program (waited {LOCK_WAIT:g} s): end that program (lsof names it), then rerun"
    if "not a database" in text or "no such table: alembic_version" in text or "malformed" in text:
        return "not a database of MLflow, or damaged: move it away for a new store, or restore it from a backup"
    return f"{text}: check its permissions and its disk, or use another store (paths.mlruns=FOLDER)"
