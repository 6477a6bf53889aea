"""Serves a store in the browser.

python -m imgfp.tracking.ui FOLDER
"""

import os
import sys
from pathlib import Path

from imgfp.errors import InputError
from imgfp.tracking.server import describe, ui_command
from imgfp.tracking.store import open_store


def main() -> None:
    """Command line: prints the links of all experiments, then becomes the server (Ctrl-C ends it)."""
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
    print("The server answers after about a minute. Ctrl-C ends it.", flush=True)
    # open_store has put telemetry off into the environment; the job runners (7 more processes) serve language models;
    # that MLflow's server uses a part of starlette which will go some day is not the user's concern
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "ignore:starlette.middleware.wsgi"}
    os.execve(command[0], command, {**os.environ, **quiet})


if __name__ == "__main__":
    main()
