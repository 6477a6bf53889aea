"""MLflow's server for one store, within this process: quiet, local, without its menus for language models."""

import json
import os
import socket

from imgfp.errors import InputError
from imgfp.progress import announce
from imgfp.tracking.store import Store

# keys of the pages' local storage, read from the scripts of MLflow 3.17; a user's own choice is kept
_PREFERENCES = {
    "mlflow.workflowType_v1": "machine_learning",  # default: "genai"
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": True,  # else the assistant's panel opens on the first visit
}

_HEAD = "<head>"


def check_port(host: str, port: int) -> None:
    """Raises InputError where another program listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was closed a moment ago is free
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                f"port {port} cannot be used ({error.strerror}): choose another: MLFLOW_PORT={port + 1} make ui"
            ) from None


def serve(store: Store, host: str, port: int, first_page: str) -> None:
    """Serves the store until Ctrl-C. `first_page`: where the server's root leads to.

    Artifacts are read from the URIs in the database. Experiments created in the browser store theirs in the same folder.
    """
    import uvicorn  # before mlflow.server, which looks for it to see whether it serves
    from mlflow.server import constants

    os.environ[constants.BACKEND_STORE_URI_ENV_VAR] = store.uri
    os.environ[constants.REGISTRY_STORE_URI_ENV_VAR] = store.uri
    os.environ[constants.ARTIFACT_ROOT_ENV_VAR] = store.artifacts.as_uri()
    from flask import Response
    from mlflow.server import app as pages
    from mlflow.server.fastapi_app import app

    page = _landing_page(os.path.join(str(pages.static_folder), "index.html"), first_page)
    pages.view_functions["serve"] = lambda: Response(page, mimetype="text/html", headers={"Cache-Control": "no-store"})
    # lifespan: only tidies up after the assistant
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False, lifespan="off")


def _landing_page(path: str, first_page: str) -> str:
    """MLflow's page, which sets the preferences before anything else runs."""
    with open(path, encoding="utf-8") as file:
        page = file.read()
    script = (
        f"for (const [key, value] of Object.entries({json.dumps(_PREFERENCES)}))"
        " if (localStorage.getItem(key) === null) localStorage.setItem(key, JSON.stringify(value));"
        f" if (!location.hash) location.replace({json.dumps(first_page)});"
    )
    if _HEAD not in page:
        announce(f"warning: MLflow's page has no {_HEAD}: its menus stay as MLflow sets them; open the printed links")
    return page.replace(_HEAD, f"{_HEAD}<script>{script}</script>", 1)
