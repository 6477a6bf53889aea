"""The server that shows a store in the browser: its command line, and the links to open."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from imgfp.errors import InputError
from imgfp.tracking.store import Store

HOST = "127.0.0.1"  # MLflow's server asks for no password: this machine only
DEFAULT_PORT = 5000


def ui_port() -> int:
    """The port: environment variable MLFLOW_PORT (MLflow's own), else 5000.

    Raises:
        InputError: it is not a port number.
    """
    text = os.environ.get("MLFLOW_PORT", str(DEFAULT_PORT))
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise InputError(f"MLFLOW_PORT={text!r} is not a port number: use 1 to 65535")
    return int(text)


def ui_command(folder: Path) -> list[str]:
    """The command line that serves the store in `folder`.

    Artifacts are read where the database says they are. New experiments made by hand in the browser get theirs in the
    same folder, and the proxy is off, because both would otherwise make folders wherever the server is started.
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
    """The link to an experiment's list of runs (its plain address opens on a page for language models).

    Raises:
        InputError: as `Store.experiment_id`.
    """
    return f"http://{HOST}:{ui_port()}/#/experiments/{store.experiment_id(experiment)}/runs"


def comparison(store: Store, experiment: str, run_ids: Sequence[str]) -> str:
    """The link to a page that shows these runs side by side.

    Raises:
        InputError: as `Store.experiment_id`.
    """
    runs = json.dumps(list(run_ids), separators=(",", ":"))
    experiments = json.dumps([store.experiment_id(experiment)])
    return f"http://{HOST}:{ui_port()}/#/compare-runs?runs={quote(runs)}&experiments={quote(experiments)}"
