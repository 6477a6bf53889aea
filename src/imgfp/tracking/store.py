"""The tracking store: a folder with `mlflow.db` (SQLite) and `artifacts/`, created once under a lock."""

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

if TYPE_CHECKING:  # importing mlflow takes 3.5 s, so only functions that need it do
    from mlflow import MlflowClient

QUIET_ENVIRONMENT = {
    # disables mlflow's usage telemetry; read when mlflow is imported
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # a new store logs about 60 lines of schema migrations; warnings are still shown
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    # without git there is no commit tag; no need for a page of advice
    "GIT_PYTHON_REFRESH": "quiet",
}


@dataclass(frozen=True)
class Store:
    """An initialised store. Contains only its folder, so it can be sent to other processes.

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
        """The folder of all artifacts, with one subfolder per experiment."""
        return self.folder / "artifacts"

    @property
    def lock_path(self) -> Path:
        """Lock file for operations that only one process may perform."""
        return self.folder / ".lock"

    def client(self) -> MlflowClient:
        """A client of this store, independent of MLflow's environment variables."""
        return _client(self.uri)

    def experiment_id(self, name: str) -> str:
        """Finds or creates an experiment, with its own artifact folder below `artifacts`.

        Raises:
            InputError: the experiment was deleted, or the store was copied and not relocated.
        """
        client = self.client()
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            with file_lock(self.lock_path):  # of two processes that need it, only one creates it
                experiment = client.get_experiment_by_name(name)
                if experiment is None:
                    location = (self.artifacts / _folder_name(name)).as_uri()
                    return client.create_experiment(name, artifact_location=location)
        if experiment.lifecycle_stage != "active":
            raise InputError(f"experiment {name!r} was deleted in {self.folder}: restore it or use another name")
        if not experiment.artifact_location.startswith(self.artifacts.as_uri() + "/"):
            raise InputError(
                f"{self.folder}: experiment {name!r} stores its artifacts in {experiment.artifact_location}, outside "
                f"this store: if the store was copied, run: python -m imgfp.tracking.relocate '{self.folder}'"
            )
        return experiment.experiment_id

    def has_run(self, run_id: str) -> bool:
        """Whether the store contains this run and it was not deleted."""
        from mlflow.exceptions import MlflowException

        try:
            return bool(self.client().get_run(run_id).info.lifecycle_stage == "active")
        except MlflowException:
            return False


def open_store(folder: Path) -> Store:
    """Opens the store in `folder`, creating it if needed.

    MLflow's schema migrations fail if several processes open a new SQLite store at once. So the first process migrates a
    temporary file under a lock and renames it, while the others wait. A killed process leaves no incomplete store. An
    existing store is opened without importing mlflow.

    Raises:
        InputError: MLflow is not installed; the path contains a character that a database URI cannot contain, or is a file.
    """
    require_extra("train", "mlflow")
    quiet_mlflow()
    store = Store(folder.expanduser().resolve())
    if bad := sorted(set("?#") & set(str(store.folder))):
        raise InputError(f"{store.folder}: {bad[0]!r} is not allowed in a store's path: rename the folder")
    if store.folder.exists() and not store.folder.is_dir():
        raise InputError(f"{store.folder}: is a file: give a folder for the tracking store")
    store.artifacts.mkdir(parents=True, exist_ok=True)
    database = store.folder / "mlflow.db"
    if not database.exists():
        with file_lock(store.lock_path):
            if not database.exists():
                _create(database, store.artifacts)
    return store


def quiet_mlflow() -> None:
    """Disables MLflow's telemetry and verbose logging, unless the user set these variables; call before importing mlflow."""
    for name, value in QUIET_ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def database_uri(path: Path) -> str:
    """`sqlite:///` URI of an absolute path. Spaces stay as they are: SQLAlchemy does not decode them."""
    return f"sqlite:///{path.as_posix()}"


def _create(database: Path, artifacts: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with atomic_path(database) as temporary:
        for leftover in (temporary, temporary.with_name(temporary.name + "-journal")):  # left by a killed process
            leftover.unlink(missing_ok=True)
        # not through a client: that would give experiment 0 ("Default") the artifact folder ./mlruns
        created = SqlAlchemyStore(database_uri(temporary), artifacts.as_uri())
        created.engine.dispose()


def _client(uri: str) -> MlflowClient:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _folder_name(experiment: str) -> str:
    """The experiment's name if it is a safe folder name, else a sanitised one made unique by a hash."""
    clean = re.sub(r"[^A-Za-z0-9_.-]+", "-", experiment).strip(".-")[:80]
    if clean == experiment:
        return clean
    return f"{clean or 'experiment'}-{hashlib.sha256(experiment.encode()).hexdigest()[:8]}"
