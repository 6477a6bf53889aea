"""The tracking store: an MLflow server, or a folder with `mlflow.db` (SQLite) and `artifacts/`, created once under a lock."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imgfp.errors import InputError
from imgfp.files import atomic_path, file_lock
from imgfp.install_check import require_extra
from imgfp.progress import announce
from imgfp.tracking.address import DATABASE, VARIABLE, Address
from imgfp.tracking.database import check_database, database_uri
from imgfp.tracking.outage import not_found, outage
from imgfp.tracking.server_check import server_problem

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
    # lines and bars of its own among ours
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # a server that does not answer is reported after seconds; MLflow's own defaults take minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
}
# what they print as pages of traceback or of retries, imgfp reports in one line
_LOUD = {"mlflow.store.db.utils": logging.CRITICAL, "urllib3.connectionpool": logging.ERROR}
UNLOGGED = "unlogged"
_REACHED = "IMGFP_STORE_REACHED"  # inherited by the processes of a sweep
_fallback: Path | None = None
_announced: set[str] = set()
_experiments: dict[tuple[str, str], str] = {}


@dataclass(frozen=True)
class Store:
    """An initialised store. Contains only its address, so it can be sent to other processes.

    Attributes:
        folder: absolute folder of the store; of a server, a local folder for lock files.
        server: the address of an MLflow server; None for a store in `folder`.
        database: file name of the database in `folder`.
        fallback: folder of the store that takes what this one cannot take; None: no such store.
    """

    folder: Path
    server: str | None = None
    database: str = DATABASE
    fallback: Path | None = None

    @property
    def uri(self) -> str:
        """The tracking URI: the server's address, or `sqlite:///` and the absolute path of the database."""
        return self.server or database_uri(self.folder / self.database)

    @property
    def name(self) -> str:
        """The store as shown to the user: its folder, its database where that has another name, or the server's address."""
        return Address(self.folder, self.database, self.server).name

    @property
    def artifacts(self) -> Path:
        """The folder of all artifacts, with one subfolder per experiment; not for a server, which keeps them itself."""
        return self.folder / "artifacts"

    @property
    def lock_path(self) -> Path:
        """Lock file for operations that only one process of this machine may perform."""
        return self.folder / ".lock"

    def client(self) -> MlflowClient:
        """A client of this store, independent of MLflow's environment variables."""
        return _client(self.uri)

    def experiment_id(self, name: str) -> str:
        """Finds or creates an experiment; in an embedded store with its own artifact folder below `artifacts`.

        Where the store does not answer, the id that it gave earlier to this process is returned.

        Raises:
            InputError: the experiment was deleted, or the store was copied and not relocated.
        """
        try:
            found = self._experiment_id(name)
        except InputError:
            raise
        except Exception as error:
            if outage(error) is None or (self.uri, name) not in _experiments:
                raise
            return _experiments[self.uri, name]
        _experiments[self.uri, name] = found
        return found

    def _experiment_id(self, name: str) -> str:
        client = self.client()
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            with file_lock(self.lock_path):  # of two processes that need it, only one creates it
                experiment = client.get_experiment_by_name(name)
                if experiment is None:
                    return self._create_experiment(name)
        if experiment.lifecycle_stage != "active":
            raise InputError(f"experiment {name!r} was deleted in {self.name}: restore it or use another name")
        if self.server is None and not experiment.artifact_location.startswith(self.artifacts.as_uri() + "/"):
            raise InputError(
                f"{self.folder}: experiment {name!r} stores its artifacts in {experiment.artifact_location}, outside "
                f"this store: if the store was copied, run: python -m imgfp.tracking.relocate '{self.folder}'"
            )
        return str(experiment.experiment_id)

    def _create_experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        client = self.client()
        if self.server is None:
            location = (self.artifacts / _folder_name(name)).as_uri()
            return str(client.create_experiment(name, artifact_location=location))
        try:
            return str(client.create_experiment(name))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another machine has just created it
                raise
            found = client.get_experiment_by_name(name)
            assert found is not None
            return str(found.experiment_id)

    def has_run(self, run_id: str) -> bool:
        """Whether the store contains this run and it was not deleted."""
        try:
            return bool(self.client().get_run(run_id).info.lifecycle_stage == "active")
        except Exception as error:
            if not_found(error):
                return False
            raise


def keep_unlogged_in(results: Path) -> None:
    """Sets the folder of the results of this process's runs. What a store cannot take is kept in there; see `open_store`."""
    global _fallback
    _fallback = results.expanduser().resolve() / UNLOGGED


def open_store(where: str | Path) -> Store:
    """Opens a store, creating an embedded one if needed.

    MLflow's schema migrations fail if several processes open a new SQLite store at once. So the first process migrates a
    temporary file under a lock and renames it, while the others wait. A killed process leaves no incomplete store. An
    existing store is opened without importing mlflow.

    What the store cannot take (its server has gone away, its disk is full) is kept in an embedded store, the folder
    `unlogged` of the results (`keep_unlogged_in`), until `imgfp study upload` brings it in; see `Run.write`. If a server
    answered earlier in this process or sweep and does not now, that store is returned.

    Args:
        where: a folder, `sqlite:///FILE`, or the http(s) address of an MLflow server.

    Raises:
        InputError: MLflow is not installed; an address that is none; the server does not answer; the database is damaged,
            locked, or of another version of MLflow.
    """
    require_extra("train", "mlflow")
    quiet_mlflow()
    address = Address.parse(where)
    store = Store(address.folder, address.server, address.database, _fallback)
    if store.server is None:
        _open_embedded(store)
        if os.environ.get(VARIABLE) == str(where):
            _announce_once(f"MLflow store: {store.name} (from {VARIABLE})")
        return store
    problem = server_problem(store.server)
    if problem is None:
        if os.environ.get(_REACHED) != store.server:
            _announce_once(
                f"MLflow server: {store.name}{f' (from {VARIABLE})' if os.environ.get(VARIABLE) == str(where) else ''}"
            )
        os.environ[_REACHED] = store.server
        return store
    if os.environ.get(_REACHED) != store.server or store.fallback is None:
        raise InputError(problem)
    return open_fallback(store, problem)


def open_existing(where: str | Path) -> Store:
    """Opens a store that is only read.

    Raises:
        InputError: There is none; otherwise as `open_store`.
    """
    address = Address.parse(where)
    if address.server is None and not (address.folder / address.database).is_file():
        raise InputError(
            f"{where}: no {address.database} found: give an MLflow store: its folder, or the address of a server"
        )
    return open_store(where)


def open_fallback(store: Store, reason: str) -> Store:
    """Opens the store that takes what `store` cannot take, and says so once.

    Raises:
        InputError: `store` has none, or it cannot be opened either; the message starts with `reason`.
    """
    if store.fallback is None:
        raise InputError(reason)
    other = Store(store.fallback)
    try:
        _open_embedded(other)
    except (InputError, OSError) as error:
        raise InputError(f"{reason}; nor can {store.fallback} be used: {error}") from None
    line = f"warning: {reason}; logging to {store.fallback} instead; bring it in later: {upload_command(store)}"
    _announce_once(line, str(store.fallback))
    _unlogged[store.fallback] = upload_command(store)
    return other


_unlogged: dict[Path, str] = {}


def take_unlogged() -> dict[Path, str]:
    """The fallback stores that this process has used since the last call, each with the command that brings it in."""
    found = dict(_unlogged)
    _unlogged.clear()
    return found


def upload_command(store: Store) -> str:
    """The command that brings the fallback store of `store` in."""
    return f"imgfp study upload '{store.fallback}' --mlruns '{store.name}'"


def quiet_mlflow() -> None:
    """Disables MLflow's telemetry and verbose logging, unless the user set these variables; call before importing mlflow."""
    for name, value in QUIET_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for name, level in _LOUD.items():
        logging.getLogger(name).setLevel(level)


def _open_embedded(store: Store) -> None:
    store.artifacts.mkdir(parents=True, exist_ok=True)
    database = store.folder / store.database
    if not database.exists():
        with file_lock(store.lock_path):
            if not database.exists():
                _create(database, store.artifacts)
                return
    check_database(database)


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


def _announce_once(line: str, key: str = "") -> None:
    """Prints one line of those with the same key (the line itself if empty) in this process."""
    if (key or line) not in _announced:
        _announced.add(key or line)
        announce(line)


def _folder_name(experiment: str) -> str:
    """The experiment's name if it is a safe folder name, else a sanitised one made unique by a hash."""
    clean = re.sub(r"[^A-Za-z0-9_.-]+", "-", experiment).strip(".-")[:80]
    if clean == experiment:
        return clean
    return f"{clean or 'experiment'}-{hashlib.sha256(experiment.encode()).hexdigest()[:8]}"
