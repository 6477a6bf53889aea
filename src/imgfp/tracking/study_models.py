"""Brings the models of a study into a store."""

from pathlib import Path

from imgfp.tracking.checkpoint import PATH_TAG
from imgfp.tracking.study_export import model_or_none
from imgfp.tracking.study_records import ARTIFACTS, MODELS, WEIGHTS, ModelRecord
from imgfp.tracking.study_registry import IMPORTED_TAG, VERSIONS_TAG
from imgfp.tracking.study_state import ImportState, origin_of


def bring_model(state: ImportState, own: ModelRecord) -> None:
    """Finds the model in the store or brings it in; its figures come with the runs that logged them."""
    name, origin = own.model_id, origin_of(own, own.model_id)
    experiment = state.experiment(own.experiment)
    found, complete = state.known.get(origin, ("", False))
    if not found and model_or_none(state.client, origin) is not None:  # it comes from this very store
        found, complete = origin, True
    if complete:
        state.model_ids[name] = found
        return
    tags = {key: value for key, value in own.tags.items() if key != VERSIONS_TAG} | {IMPORTED_TAG: origin}
    source = state.run_ids.get(own.source_run_id or "")
    if not found and state.join and (found := _begun(state, experiment, source, own.name)):
        state.client.set_logged_model_tags(found, tags)
    if not found:
        found = state.client.create_logged_model(
            experiment,
            name=own.name,
            source_run_id=source,
            tags=tags,
            params=own.params,
            model_type=own.type,
        ).model_id
    state.model_ids[name] = found
    for part in (ARTIFACTS, WEIGHTS):
        if (files := state.folder / MODELS / name / part).is_dir():
            state.client.log_model_artifacts(found, str(files))
            state.done.files += sum(path.is_file() for path in files.rglob("*"))
            if part == WEIGHTS:
                state.client.set_logged_model_tags(
                    found, {PATH_TAG: _weights(state, found, next(files.iterdir()).name)}
                )
    from mlflow.entities import LoggedModelStatus

    if own.status in ("READY", "FAILED"):
        state.client.finalize_logged_model(found, LoggedModelStatus(own.status))
    state.done.models += 1
    state.done.skipped += sum(row[4] not in state.run_ids for row in own.metrics)


def _begun(state: ImportState, experiment: str, run_id: str | None, name: str) -> str:
    """The model that the run was logging when the store went away; empty if there is none."""
    found = state.client.search_logged_models([experiment], f"source_run_id = '{run_id}' AND name = '{name}'")
    return next((str(model.model_id) for model in found if str(model.status) == "PENDING"), "")


def _weights(state: ImportState, model_id: str, name: str) -> str:
    """Where the weights are now: a file of an embedded store, or an address that a server resolves."""
    from mlflow.utils.file_utils import local_file_uri_to_path

    location = state.client.get_logged_model(model_id).artifact_location
    if location.startswith("file:"):
        return str(Path(local_file_uri_to_path(location)) / name)
    return f"models:/{model_id}/{name}"
