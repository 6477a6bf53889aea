"""The registered model `imgfp-descriptor`: its alias `champion` moves to better checkpoints, on the same data set only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgfp.errors import InputError
from imgfp.files import file_lock
from imgfp.tracking.checkpoint import DIGEST_LENGTH, HASH_TAG
from imgfp.tracking.default_store import default_store
from imgfp.tracking.model import Weights, find_model
from imgfp.tracking.store import Store
from imgfp.tracking.study_registry import link_version

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

REGISTERED, CHAMPION = "imgfp-descriptor", "champion"
UPWARDS, REPLACE, NEVER = "upwards", "replace", "never"
MOVES = (UPWARDS, REPLACE, NEVER)


@dataclass(frozen=True)
class Contender:
    """A checkpoint whose evaluation was logged (`log_evaluation`). `data`: name and digest of the data set."""

    weights: Weights
    uap: float
    data: tuple[str, str]


def move_champion(store: Store, contender: Contender, move: str = UPWARDS) -> str:
    """Registers the contender and gives it the alias where it is better; one process at a time.

    Args:
        store: The tracking store, which contains the registered models too.
        contender: A checkpoint with its uAP by the challenge's protocol.
        move: "upwards": if its uAP on the same data set is higher, or there is no champion; "replace": in any case.

    Returns:
        What was done or why not, in one line.

    Raises:
        InputError: the contender's entry in MLflow's models was deleted.
    """
    client, digest = store.client(), contender.data[1][:DIGEST_LENGTH]
    title, figure = contender.weights.title, f"uAP {contender.uap:.4f} on {contender.data[0]}"
    with file_lock(store.lock_path):
        current = current_champion(client)
        if current is not None:
            name, said = f"version {current.version}", _figure(current)
            same = (current.tags["data"], current.tags["digest"]) == (contender.data[0], digest)
            if current.tags[HASH_TAG] == contender.weights.sha256 and (same or move == UPWARDS):
                return f"champion: {title} is it already, {name} of {REGISTERED} ({said})"
            if move == UPWARDS and not same:
                return (
                    f"champion: not moved: {name} of {REGISTERED} was chosen on other data ({said}, digest "
                    f"{current.tags['digest'][:8]}; here {contender.data[0]}, digest {digest[:8]}): "
                    "champion=replace chooses on this data from now on"
                )
            if move == UPWARDS and contender.uap <= float(current.tags["uap"]):
                return f"champion: not moved: {name} of {REGISTERED} has {said}, {title} has {contender.uap:.4f}"
        version = _register(store, contender, digest, f"{title}: {figure}")
        client.set_registered_model_alias(REGISTERED, CHAMPION, version)
    before = "" if current is None else f"; before: version {current.version} ({_figure(current)})"
    return f"champion: {title} is now models:/{REGISTERED}@{CHAMPION}, version {version} ({figure}){before}"


def current_champion(client: MlflowClient) -> ModelVersion | None:
    """The version that has the alias; None where there is none."""
    from mlflow.exceptions import MlflowException

    try:
        version = client.get_model_version_by_alias(REGISTERED, CHAMPION)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):  # no model, no such alias
            raise
        return None
    # given the alias by hand: nothing is known of how it was evaluated
    complete = {HASH_TAG, "uap", "data", "digest"} <= version.tags.keys()
    return version if complete else _unknown(version)


def _unknown(version: ModelVersion) -> ModelVersion:
    version.tags.update({HASH_TAG: "", "uap": "nan", "data": "unknown data", "digest": "unknown"})
    return version


def _register(store: Store, contender: Contender, digest: str, description: str) -> str:
    """A new version whose source is the entry of the weights, `models:/MODEL_ID`."""
    from mlflow.exceptions import MlflowException

    client = store.client()
    tags = {HASH_TAG: contender.weights.sha256, "uap": repr(contender.uap), "data": contender.data[0], "digest": digest}
    model = find_model(store, contender.weights.sha256, contender.weights.path)
    if model is None:  # deleted since its evaluation
        raise InputError(
            f"{contender.weights.title} has no entry in MLflow's models any more: restore it, or evaluate the file alone: "
            f"checkpoint={contender.weights.path}"
        )
    try:
        client.get_registered_model(REGISTERED)
    except MlflowException:
        client.create_registered_model(
            REGISTERED, description="The best descriptor networks by evaluate/descriptors.py; `champion` is the best."
        )
    with default_store(store.uri):
        made = client.create_model_version(
            *(REGISTERED, f"models:/{model.model_id}", model.source_run_id, tags),
            description=description,
            model_id=model.model_id,
            await_creation_for=0,  # versions of these stores are ready at once
        )
    link_version(client, model.model_id, REGISTERED, str(made.version))
    return str(made.version)


def _figure(version: ModelVersion) -> str:
    return f"uAP {float(version.tags['uap']):.4f} on {version.tags['data']}"
