"""Runs the MLflow UI for a store.

python -m imgfp.tracking.ui FOLDER
"""

import contextlib
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

from imgfp.errors import InputError
from imgfp.tracking.notes import figures_text
from imgfp.tracking.page_server import check_port, serve
from imgfp.tracking.server import HOST, describe, ui_port
from imgfp.tracking.store import Store, open_store


@dataclass(frozen=True)
class Listed:
    """One experiment. `latest`: when its last run started, in ms. `said`: its runs and best figures. `link`: its page."""

    name: str
    latest: int
    said: str
    link: str


def main() -> None:
    """Command line: prints the URLs of all experiments, the most recent first, and runs the server (stop it with Ctrl-C)."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m imgfp.tracking.ui FOLDER")
    try:
        folder, port = Path(sys.argv[1]), ui_port()
        if not (folder / "mlflow.db").is_file():
            raise InputError(f"{folder}: no tracking store yet: the first training or evaluation creates it")
        check_port(HOST, port)
        store = open_store(folder)
        found = experiments(store)
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    width = max((len(item.name) for item in found), default=0)
    for item in found:
        print(f"{item.name:<{width}}  {item.said}\n{'':<{width}}  {item.link}")
    if not found:
        print(f"{folder}: no runs yet: reload the page after the first training or evaluation")
    print(f"http://{HOST}:{port} answers in a few seconds. Press Ctrl-C to stop it.", flush=True)
    warnings.simplefilter("ignore")  # of MLflow's libraries, which concern MLflow
    with contextlib.suppress(KeyboardInterrupt):
        serve(store, HOST, port, found[0].link if found else "#/experiments")


def experiments(store: Store) -> list[Listed]:
    """All experiments that have runs, the one with the latest run first."""
    client, listed = store.client(), []
    for experiment in client.search_experiments():
        latest = client.search_runs([experiment.experiment_id], max_results=1)
        if not latest:
            continue
        best = client.search_runs([experiment.experiment_id], order_by=["metrics.uap DESC"], max_results=1)
        figures = figures_text(best[0].data.metrics)
        said = f"best: {best[0].info.run_name}: {figures}" if "uap" in best[0].data.metrics else "no uAP yet"
        listed.append(Listed(experiment.name, latest[0].info.start_time, said, describe(store, experiment.name)))
    return sorted(listed, key=lambda item: -item.latest)


if __name__ == "__main__":
    main()
