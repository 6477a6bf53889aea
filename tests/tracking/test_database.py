"""Databases that cannot be used: one line that says what to do, before MLflow is asked."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from imgfp.errors import InputError
from imgfp.tracking import Store, open_store
from imgfp.tracking import database as checks


@pytest.fixture
def copy(store: Store, tmp_path: Path) -> Path:
    (tmp_path / "mlruns").mkdir()
    shutil.copy(store.folder / "mlflow.db", tmp_path / "mlruns")
    return tmp_path / "mlruns"


def refused(folder: Path) -> str:
    with pytest.raises(InputError) as error:
        open_store(folder)
    assert "\n" not in str(error.value)
    return str(error.value)


def set_revision(folder: Path, revision: str) -> None:
    with closing(sqlite3.connect(folder / "mlflow.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = ?", (revision,))


def test_the_newest_revision_is_that_of_a_new_store(copy: Path) -> None:
    known, newest = checks.revisions()
    with closing(sqlite3.connect(copy / "mlflow.db")) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [(newest,)]
    assert len(known) > 50


def test_another_schema_is_told_with_the_command(copy: Path) -> None:
    set_revision(copy, "451aebb31d03")  # MLflow 1.0
    assert refused(copy).endswith(f"then run mlflow db upgrade 'sqlite:///{copy / 'mlflow.db'}'")
    set_revision(copy, "ffffffffffff")
    assert "was written by a newer MLflow (schema ffffffffffff): update mlflow" in refused(copy)


def test_a_locked_database_is_named(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LOCK_WAIT", 0.1)
    with closing(sqlite3.connect(copy / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        said = refused(copy)
        assert said.startswith(f"{copy / 'mlflow.db'}: database is locked by another program (waited 0.1 s)")
    open_store(copy)


def test_what_is_no_database_is_left_as_it_is(copy: Path) -> None:
    path = copy / "mlflow.db"
    path.write_bytes(b"not a database at all" * 100)
    assert "not a database of MLflow, or damaged: move it away" in refused(copy)
    path.unlink()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE notes (text)")
    assert "not a database of MLflow" in refused(copy)
    path.write_bytes(b"")
    assert "not a database of MLflow" in refused(copy)
    assert path.read_bytes() == b""
