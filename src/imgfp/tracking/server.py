"""Links into MLflow's pages, as the programs print them."""

import os
from collections.abc import Sequence

from imgfp.errors import InputError
from imgfp.tracking.champion import REGISTERED
from imgfp.tracking.outage import not_found, outage
from imgfp.tracking.store import Store
from imgfp.tracking.views import VIEW_KEY, write_view

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


def describe(store: Store, experiment: str) -> str:
    """The URL of an experiment's runs, with uAP and recall@1 as the first columns; see `write_view`.

    Raises:
        InputError: as `Store.experiment_id`.
    """
    experiment_id = store.experiment_id(experiment)
    return page_url(store, experiment_id, _view(store, experiment_id))


def comparison(store: Store, experiment: str, run_ids: Sequence[str]) -> str:
    """The URL of a page with charts of these runs side by side.

    Raises:
        InputError: as `Store.experiment_id`.
    """
    experiment_id = store.experiment_id(experiment)
    return page_url(store, experiment_id, _view(store, experiment_id, run_ids)) + "&compareRunsMode=CHART"


def page_url(store: Store, experiment_id: str, view: str) -> str:
    """The URL of an experiment's runs in a stored view. Without the last part MLflow's menu is that for language models."""
    runs = f"{ui_address(store)}/#/experiments/{experiment_id}/runs"
    return f"{runs}?viewStateShareKey={view}&workflowType=machine_learning"


def models_page(store: Store, experiment: str) -> str:
    """The URL of an experiment's checkpoints: charts of uAP, recall@1 and the rest. MLflow's table has them far to the right."""
    page = f"{ui_address(store)}/#/experiments/{store.experiment_id(experiment)}/models"
    return f"{page}?viewMode=CHART&workflowType=machine_learning"


def registered_page(store: Store, name: str = REGISTERED) -> str:
    """The URL of a registered model's versions and aliases."""
    return f"{ui_address(store)}/#/models/{name}?workflowType=machine_learning"


def ui_address(store: Store) -> str:
    """The address of MLflow's pages: of the server that is the store, or of the one that `make ui` starts."""
    return store.server or f"http://{HOST}:{ui_port()}"


def _view(store: Store, experiment_id: str, only: Sequence[str] = ()) -> str:
    """The key of the view, which is renewed unless the store is away or full."""
    try:
        return write_view(store, experiment_id, only)
    except Exception as error:
        if outage(error) is None and not not_found(error):
            raise
        return VIEW_KEY
