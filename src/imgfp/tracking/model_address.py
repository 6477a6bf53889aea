"""Finds the weights that an address of MLflow's models names: `champion`, models:/NAME@ALIAS, models:/NAME/VERSION."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from imgfp.errors import InputError
from imgfp.files import hash_file
from imgfp.progress import announce
from imgfp.tracking.champion import CHAMPION, REGISTERED
from imgfp.tracking.checkpoint import HASH_TAG, PATH_TAG
from imgfp.tracking.store import Store, open_existing

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from imgfp.encoders import EncoderConfig

_FORM = re.compile(r"models:/(?:(?P<id>m-[0-9a-f]+)|(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+)))")
_EVALUATE = "python evaluate/descriptors.py checkpoint="


@dataclass(frozen=True)
class NamedWeights:
    """The weights behind an address. `said`: what they are, for the console."""

    path: Path
    said: str


def is_address(text: str | None) -> bool:
    """Whether a name of an encoder is an address: "champion", or one that begins with "models:"."""
    return text is not None and (text == CHAMPION or text.startswith("models:"))


def weights_of(store: Store, address: str) -> NamedWeights:
    """The weights that an address names, checked by their sha256.

    Raises:
        InputError: not an address, no such model, or a file that was moved, removed or replaced.
    """
    from mlflow.exceptions import MlflowException

    form = _FORM.fullmatch(f"models:/{REGISTERED}@{CHAMPION}" if address == CHAMPION else address)
    if form is None:
        raise InputError(
            f"{address}: not a model address: give {CHAMPION}, models:/NAME@ALIAS, models:/NAME/VERSION or models:/MODEL_ID"
        )
    client, version, model_id = store.client(), None, form["id"]
    try:
        if model_id is None:
            version = (
                client.get_model_version_by_alias(form["name"], form["alias"])
                if form["alias"]
                else client.get_model_version(form["name"], form["version"])
            )
            model_id = str(version.source).removeprefix("models:/")
        model = client.get_logged_model(model_id)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        raise InputError(f"{address}: no such model in {store.name}: {_known(client)}") from None
    place, sha256 = model.tags.get(PATH_TAG, ""), model.tags.get(HASH_TAG, "")
    said = (
        model.name
        if version is None
        else f"{form['name']} version {version.version}, {version.description or model.name}"
    )
    return NamedWeights(_checked(address, place, sha256), said)


def resolved_encoder(encoder: EncoderConfig, mlruns: str | Path) -> EncoderConfig:
    """The encoder with weights in place of an address in its name; unchanged where it names none.

    Raises:
        InputError: weights are given too, there is no store in `mlruns`, or as `weights_of`.
    """
    if not is_address(encoder.name):
        return encoder
    if encoder.weights is not None:
        raise InputError(f"encoder {encoder.name} and weights {encoder.weights}: give one of them")
    from imgfp.encoders.weights import EMBEDDED  # with torch

    found = weights_of(open_existing(mlruns), encoder.name)
    announce(f"encoder {encoder.name}: {found.path} ({found.said})")
    return replace(encoder, name=EMBEDDED, weights=str(found.path))


def _known(client: MlflowClient) -> str:
    """The addresses that there are, newest first, as advice."""
    known = [f"models:/{item.name}@{alias}" for item in client.search_registered_models() for alias in item.aliases]
    known += [f"models:/{item.name}/{item.version}" for item in client.search_model_versions(max_results=5)]
    return f"known are {', '.join(known)}" if known else f"evaluate checkpoints first: {_EVALUATE}FOLDER"


def _checked(address: str, place: str, sha256: str) -> Path:
    path, again = Path(place), f"evaluate a copy of the file to enter its place: {_EVALUATE}FILE"
    if not place or not sha256:
        raise InputError(
            f"{address}: this model says nothing of its weights: it was not logged by imgfp: give its file"
        )
    if place.startswith("removed: "):
        raise InputError(f"{address}: its weights were deleted ({place.removeprefix('removed: ')}): {again}")
    if not path.is_file():
        raise InputError(f"{address}: {path} is not there: restore it, or {again}")
    if (found := hash_file(path)) != sha256:
        raise InputError(
            f"{address}: {path} holds other weights (sha256 {found[:12]}..., registered {sha256[:12]}...): "
            f"restore those, or {again}"
        )
    return path
