"""Runs the MLflow UI for a store.

python -m imgfp.tracking.ui FOLDER
"""

import os
import sys
from pathlib import Path

from imgfp.errors import InputError
from imgfp.tracking.server import describe, ui_command
from imgfp.tracking.store import open_store


def main() -> None:
    """Command line: prints the URLs of all experiments, then runs the server (stop it with Ctrl-C)."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m imgfp.tracking.ui FOLDER")
    try:
        store = open_store(Path(sys.argv[1]))
        names = [item.name for item in store.client().search_experiments() if item.name != "Default"]
        links = {name: describe(store, name) for name in names}
        command = ui_command(store.folder)
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    for name, link in links.items():
        print(f"{name}: {link}")
    print("The server starts within about a minute. Press Ctrl-C to stop it.", flush=True)
    # open_store has disabled telemetry in the environment; the job runners (7 more processes) are for MLflow's GenAI
    # features; starlette's deprecation warning concerns MLflow, not the user
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "ignore:starlette.middleware.wsgi"}
    os.execve(command[0], command, {**os.environ, **quiet})


if __name__ == "__main__":
    main()
