"""Runs the MLflow UI for a store.

python -m imgfp.tracking.ui FOLDER|sqlite:///FILE
"""

import contextlib
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgfp.errors import InputError
from imgfp.tracking.address import Address
from imgfp.tracking.metric_names import headline
from imgfp.tracking.notes import figures_text
from imgfp.tracking.page_server import check_port, serve
from imgfp.tracking.server import HOST, describe, models_page, ui_port
from imgfp.tracking.store import Store, open_store

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Listed:
    """One experiment. `latest`: when its last run started, in ms. `said`: its runs and best figures. `link`: its page.
    `models`: the page of its checkpoints; empty: it has none."""

    name: str
    latest: int
    said: str
    link: str
    models: str


def main() -> None:
    """Command line: prints the URLs of all experiments, the most recent first, and runs the server (stop it with Ctrl-C)."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m imgfp.tracking.ui FOLDER|sqlite:///FILE")
    try:
        where, port = sys.argv[1], ui_port()
        address = Address.parse(where)
        if address.server is not None:
            raise InputError(f"{address.name}: is a server already: open this address in the browser")
        if not (address.folder / address.database).is_file():
            raise InputError(f"{where}: no tracking store yet: the first training or evaluation creates it")
        check_port(HOST, port)
        store = open_store(where)
        found = experiments(store)
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    width = max((len(item.name) for item in found), default=0)
    for item in found:
        print(f"{item.name:<{width}}  {item.said}\n{'':<{width}}  {item.link}")
        if item.models:
            print(f"{'':<{width}}  checkpoints: {item.models}")
    if not found:
        print(f"{where}: no runs yet: reload the page after the first training or evaluation")
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
        said = _best(client, experiment.experiment_id)
        some = client.search_logged_models([experiment.experiment_id], max_results=1)
        models = models_page(store, experiment.name) if some else ""
        link = describe(store, experiment.name)
        listed.append(Listed(experiment.name, latest[0].info.start_time, said, link, models))
    return sorted(listed, key=lambda item: -item.latest)


def _best(client: "MlflowClient", experiment_id: str) -> str:
    """The best run and its figures; by uAP, or by what the latest runs have in its place."""
    some = client.search_runs([experiment_id], max_results=20)
    names = headline({name for run in some for name in run.data.metrics})
    if not names:
        return "no figures yet"
    best = client.search_runs([experiment_id], order_by=[f"metrics.`{names[0]}` DESC"], max_results=1)[0]
    return f"best: {best.info.run_name}: {figures_text(best.data.metrics)}"


if __name__ == "__main__":
    main()
