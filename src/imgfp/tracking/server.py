"""The MLflow server for a store: its command line and URLs."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from imgfp.errors import InputError
from imgfp.tracking.store import Store

HOST = "127.0.0.1"  # local only: MLflow's server has no authentication
DEFAULT_PORT = 5000


def ui_port() -> int:
    """The port from MLflow's environment variable MLFLOW_PORT, default 5000.

    Raises:
        InputError: the value is not a port number.
    """
    text = os.environ.get("MLFLOW_PORT", str(DEFAULT_PORT))
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise InputError(f"MLFLOW_PORT={text!r}: must be a port number from 1 to 65535")
    return int(text)


def ui_command(folder: Path) -> list[str]:
    """The command line that serves the store in `folder`.

    Artifacts are read from the URIs in the database. Experiments created in the browser store theirs in the same folder, and
    the artifact proxy is off; otherwise both would create folders in the current directory.
    """
    store = Store(folder.expanduser().resolve())
    return [
        *(sys.executable, "-m", "mlflow", "server"),
        *("--backend-store-uri", store.uri),
        *("--default-artifact-root", store.artifacts.as_uri()),
        "--no-serve-artifacts",
        *("--host", HOST, "--port", str(ui_port())),
        *("--workers", "1"),  # one user; the default of 4 starts slower and takes 4 times the memory
    ]


def describe(store: Store, experiment: str) -> str:
    """The URL of an experiment's run list (the plain experiment URL opens MLflow's GenAI page).

    Raises:
        InputError: as `Store.experiment_id`.
    """
    return f"{ui_address(store)}/#/experiments/{store.experiment_id(experiment)}/runs"


def ui_address(store: Store) -> str:
    """The address of MLflow's pages: of the server that is the store, or of the one that `make ui` starts."""
    return store.server or f"http://{HOST}:{ui_port()}"


def comparison(store: Store, experiment: str, run_ids: Sequence[str]) -> str:
    """The URL of a page that compares these runs.

    Raises:
        InputError: as `Store.experiment_id`.
    """
    runs = json.dumps(list(run_ids), separators=(",", ":"))
    experiments = json.dumps([store.experiment_id(experiment)])
    return f"{ui_address(store)}/#/compare-runs?runs={quote(runs)}&experiments={quote(experiments)}"
