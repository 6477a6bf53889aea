"""Registered models in studies: versions of the study's models, with their aliases."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from imgfp.tracking.default_store import default_store
from imgfp.tracking.store import Store
from imgfp.tracking.study_records import RegisteredRecord

if TYPE_CHECKING:
    from mlflow import MlflowClient

IMPORTED_TAG = "imgfp.imported_from"  # the id in the store that it comes from; set when nothing is missing any more

VERSIONS_TAG = "mlflow.modelVersions"


def registered(client: MlflowClient, models: set[str]) -> list[dict[str, Any]]:
    """The registered models that have versions of these models: names, versions and aliases, as JSON."""
    found = []
    for item in pages(lambda token: client.search_registered_models(page_token=token)):
        versions = [
            {
                "version": str(each.version),
                "model_id": _model_id(each),
                "tags": dict(each.tags),
                "description": each.description,
            }
            for each in _versions(client, item.name)
            if _model_id(each) in models
        ]
        if versions:
            aliases = {name: str(version) for name, version in client.get_registered_model(item.name).aliases.items()}
            versions.sort(key=lambda each: int(str(each["version"])))
            found.append(
                {
                    "name": item.name,
                    "tags": dict(item.tags),
                    "description": item.description,
                    "versions": versions,
                    "aliases": aliases,
                }
            )
    return found


def bring_registered(store: Store, own: RegisteredRecord, model_ids: Mapping[str, str]) -> None:
    """Registers the versions that the store lacks, and gives them their aliases; an alias that the store has stays where it is.

    Args:
        store: The store.
        own: One item of `registered`.
        model_ids: The models' ids in this store, by those in the study.
    """
    client, name = store.client(), own.name
    found = next(iter(client.search_registered_models(f"name = '{name}'")), None)
    if found is None:
        found = client.create_registered_model(name, tags=own.tags, description=own.description)
    known = {_model_id(item): str(item.version) for item in _versions(client, name)}
    for item in own.versions:
        model_id = model_ids[item.model_id]
        version = known.get(model_id)
        if version is None:
            with default_store(store.uri):
                made = client.create_model_version(
                    name,
                    f"models:/{model_id}",
                    tags=item.tags | {IMPORTED_TAG: item.model_id},
                    description=item.description,
                    model_id=model_id,
                )
            version = str(made.version)
            link_version(client, model_id, name, version)
        for alias, of in own.aliases.items():
            if of == item.version and alias not in found.aliases:
                client.set_registered_model_alias(name, alias, version)


def link_version(client: MlflowClient, model_id: str, name: str, version: str) -> None:
    """Sets the tag by which a model's page links to its versions: a server does so itself, an embedded store does not."""
    known = json.loads(client.get_logged_model(model_id).tags.get(VERSIONS_TAG, "[]"))
    if not any((item["name"], str(item["version"])) == (name, version) for item in known):
        text = json.dumps([*known, {"name": name, "version": version}])
        client.set_logged_model_tags(model_id, {VERSIONS_TAG: text})


def pages(search: Any) -> Iterator[Any]:
    """The items of all pages of one of MLflow's searches, which `search` makes for a page token."""
    token = None
    while True:
        page = search(token)
        yield from page
        token = page.token
        if not token:
            return


def _versions(client: MlflowClient, name: str) -> Iterator[Any]:
    return pages(lambda token: client.search_model_versions(f"name = '{name}'", page_token=token))


def _model_id(version: Any) -> str:
    """The model of a version; a server does not always return it."""
    return str(version.model_id or str(version.source).removeprefix("models:/"))
