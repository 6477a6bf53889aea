"""Moves studies between stores: export, import, and the upload of what a store could not take."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from imgfp.errors import InputError
from imgfp.plural import counted
from imgfp.tracking.address import DATABASE
from imgfp.tracking.store import UNLOGGED, Store, open_store
from imgfp.tracking.study_export import write_study
from imgfp.tracking.study_file import reading_study, writing_study
from imgfp.tracking.study_import import import_study


def export_study(store: Store, names: Sequence[str], out: Path, weights: bool = False) -> str:
    """Writes experiments and runs to `out`, a folder or a .zip archive, and returns a line that says what it contains.

    Args:
        store: The store, which is only read.
        names: Experiments and run ids (with their parents and children); none: everything.
        out: Must not exist yet.
        weights: Whether the weights files that models refer to are copied too.

    Raises:
        InputError: No such experiment or run; `out` exists.
    """
    with writing_study(out) as (folder, contents):
        found = write_study(store, names, folder, weights)
        contents |= found.contents
    runs, experiments, models = (len(contents[part]) for part in ("runs", "experiments", "models"))
    line = f"{counted(runs, 'run')} of {counted(experiments, 'experiment')} and {counted(models, 'model')}: {out}"
    if missing := found.missing_weights:
        line += f"; weights of {counted(len(missing), 'model')} not found, first: {missing[0]}"
    return line


def bring_study(study: Path, store: Store) -> str:
    """Brings an exported study into a store and returns a line with counts. Brought in twice, nothing is there twice.

    Raises:
        InputError: Not a study, or damaged.
    """
    with reading_study(study) as (folder, contents):
        return import_study(folder, contents, store).line(store)


def upload_unlogged(folder: Path, store: Store) -> str:
    """Brings in the runs that a store could not take, and returns a line with counts.

    The rest of a run goes to that run. Finished runs are then deleted (as in MLflow's trash) in the fallback store.

    Args:
        folder: The fallback store's folder, or the folder of the results that contains it.
        store: The store that takes them now.

    Raises:
        InputError: No such store in `folder`.
    """
    source = next((path for path in (folder, folder / UNLOGGED) if (path / DATABASE).is_file()), None)
    if source is None:
        raise InputError(f"{folder}: no {DATABASE} in it or in its folder {UNLOGGED!r}: nothing to upload")
    kept = open_store(source)
    client = kept.client()
    if not any(client.search_runs([item.experiment_id], max_results=1) for item in client.search_experiments()):
        return f"{source}: nothing is left to upload"
    with tempfile.TemporaryDirectory(prefix="imgfp-upload-", dir=source) as temporary:
        found = write_study(kept, (), Path(temporary))
        done = import_study(Path(temporary), found.contents, store, join=True)
    for run_id in found.contents["runs"]:
        if client.get_run(run_id).info.status != "RUNNING":
            client.delete_run(run_id)
    return done.line(store)
