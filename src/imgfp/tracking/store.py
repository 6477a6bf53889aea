"""The store: one folder with `mlflow.db` (SQLite) and `artifacts/`, created once under a lock."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imgfp.errors import InputError
from imgfp.files import atomic_path, file_lock
from imgfp.install_check import require_extra

if TYPE_CHECKING:  # importing mlflow costs 3.5 s: only functions that need it do so
    from mlflow import MlflowClient

QUIET_ENVIRONMENT = {
    # mlflow reports usage to its makers unless told not to; it reads these when it is imported
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # a fresh store prints about 60 lines of schema migrations, which hide the lines that matter; warnings still show
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    # a machine without git is no reason for a page of advice; the run then has no commit tag
    "GIT_PYTHON_REFRESH": "quiet",
}


@dataclass(frozen=True)
class Store:
    """A ready store. Holds only its folder, so it can be sent to other processes.

    Attributes:
        folder: absolute folder of the store.
    """

    folder: Path

    @property
    def uri(self) -> str:
        """The tracking URI, `sqlite:///` and the absolute path of the database."""
        return database_uri(self.folder / "mlflow.db")

    @property
    def artifacts(self) -> Path:
        """Where the files of all experiments lie, one folder an experiment."""
        return self.folder / "artifacts"

    @property
    def lock_path(self) -> Path:
        """Lock file for whatever must be done once by one of several processes."""
        return self.folder / ".lock"

    def client(self) -> MlflowClient:
        """A client of this store, whatever MLflow's own environment variables name."""
        return _client(self.uri)

    def experiment_id(self, name: str) -> str:
        """Finds or creates an experiment, its artifacts in a folder of its own under `artifacts`.

        Raises:
            InputError: the experiment was deleted, or the store was copied from elsewhere and not relocated.
        """
        client = self.client()
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            with file_lock(self.lock_path):  # of two processes that both miss it, one creates and one finds
                experiment = client.get_experiment_by_name(name)
                if experiment is None:
                    location = (self.artifacts / _folder_name(name)).as_uri()
                    return client.create_experiment(name, artifact_location=location)
        if experiment.lifecycle_stage != "active":
            raise InputError(f"experiment {name!r} is deleted in {self.folder}: restore it, or use another name")
        if not experiment.artifact_location.startswith(self.artifacts.as_uri() + "/"):
            raise InputError(
                f"{self.folder}: experiment {name!r} keeps its artifacts in {experiment.artifact_location}, outside "
                f"this store; if the store was copied, run: python -m imgfp.tracking.relocate '{self.folder}'"
            )
        return experiment.experiment_id

    def has_run(self, run_id: str) -> bool:
        """Whether the store holds this run, and it is not deleted."""
        from mlflow.exceptions import MlflowException

        try:
            return bool(self.client().get_run(run_id).info.lifecycle_stage == "active")
        except MlflowException:
            return False


def open_store(folder: Path) -> Store:
    """Opens the store in `folder`, creating it when absent.

    Several processes that meet a fresh SQLite store at once fail in MLflow's schema migrations: the first one here
    migrates a temporary file under a lock and renames it, the others wait. A process killed meanwhile leaves no
    half-made store. An existing store opens without importing mlflow.

    Raises:
        InputError: MLflow is not installed; `folder` holds a character that a database URI cannot carry, or is a file.
    """
    require_extra("train", "mlflow")
    quiet_mlflow()
    store = Store(folder.expanduser().resolve())
    if bad := sorted(set("?#") & set(str(store.folder))):
        raise InputError(f"{store.folder}: {bad[0]!r} cannot be part of a store's path; rename the folder")
    if store.folder.exists() and not store.folder.is_dir():
        raise InputError(f"{store.folder} is a file; name a folder for the tracking store")
    store.artifacts.mkdir(parents=True, exist_ok=True)
    database = store.folder / "mlflow.db"
    if not database.exists():
        with file_lock(store.lock_path):
            if not database.exists():
                _create(database, store.artifacts)
    return store


def quiet_mlflow() -> None:
    """Switches MLflow's telemetry and chatter off, unless the user has set these variables; call before the import."""
    for name, value in QUIET_ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def database_uri(path: Path) -> str:
    """`sqlite:///` URI of an absolute path. Spaces stay as they are: SQLAlchemy does not decode them."""
    return f"sqlite:///{path.as_posix()}"


def _create(database: Path, artifacts: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with atomic_path(database) as temporary:
        for leftover in (temporary, temporary.with_name(temporary.name + "-journal")):  # of a killed process
            leftover.unlink(missing_ok=True)
        # not through a client: that would give experiment 0 ("Default") the artifact folder ./mlruns
        made = SqlAlchemyStore(database_uri(temporary), artifacts.as_uri())
        made.engine.dispose()


def _client(uri: str) -> MlflowClient:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _folder_name(experiment: str) -> str:
    """The experiment's name where it is a safe folder name, else a cleaned one made unique by a hash."""
    clean = re.sub(r"[^A-Za-z0-9_.-]+", "-", experiment).strip(".-")[:80]
    if clean == experiment:
        return clean
    return f"{clean or 'experiment'}-{hashlib.sha256(experiment.encode()).hexdigest()[:8]}"
