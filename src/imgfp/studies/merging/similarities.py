"""Similarities of the global branch under another score normalisation, stored beside the candidates that they are of."""

import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from imgfp.datasets.disc_set import DiscSet
from imgfp.descriptors import NORMALISATIONS
from imgfp.files import atomic_path, file_lock, hash_value
from imgfp.images import ImageList, hash_images
from imgfp.pipeline.branches import BRANCH_OF, Lookup
from imgfp.pipeline.branches.storage import OnDisk
from imgfp.pipeline.index.index import Index, open_index
from imgfp.pipeline.run_config import RunConfig
from imgfp.progress import announce
from imgfp.studies.judged_run import SearchFolders
from imgfp.studies.merging.merger import Similarities
from imgfp.studies.merging.stored import MergeCandidates
from imgfp.studies.merging.table import similarity_of

_DEFAULT = "mean"  # what a search with a background set does


def normalised_similarities(
    data: DiscSet,
    folders: SearchFolders,
    run: RunConfig,
    background: ImageList,
    candidates: MergeCandidates,
    names: Sequence[str],
) -> dict[str, Similarities]:
    """The similarities under each method, from the search's own descriptors: no image is read but those of the background.

    The global branch searches again. A pair that it did not propose before was not compared and stays out; how many those are
    is announced. Of the methods here only "lyakaap" changes which references are a query's nearest.

    Args:
        data, folders, run: The search.
        background: Negative images.
        candidates: Extracted from the search.
        names: Methods of `imgfp.descriptors.NORMALISATIONS`.

    Raises:
        InputError: the background is too small for a method, or has no readable image.
    """
    found: dict[str, Similarities] = {}
    index: Index | None = None
    digest = hash_images(background) if names else ""
    for name in names:
        config = NORMALISATIONS[name]()
        path = folders.out / "merge" / f"{name}-{hash_value([asdict(config), digest])[:8]}.npz"
        with file_lock(path.with_suffix(".lock")):  # concurrent jobs of a sweep: one searches
            known = _read(path, candidates)
            if known is None:
                index = index or open_index(folders.index)
                storage = OnDisk(folders.out / "merge" / f"work-{path.stem}", folders.extracted)
                chosen = None if name == _DEFAULT else config
                lookup = Lookup(index, data.queries, run.located(), storage, background, normalisation=chosen)
                proposed = BRANCH_OF["global"].candidates(lookup)
                every, lost = similarity_of(candidates.every, proposed.pairs)
                without_crops = None
                if candidates.whole is not None:
                    without_crops, _ = similarity_of(candidates.whole, proposed.without_crops or proposed.pairs)
                if lost:
                    announce(
                        f"normalisation {name}: {lost} of {len(proposed.pairs)} pairs that the global branch proposes now were not "
                        "compared by the search and are left out"
                    )
                known = every, without_crops
                _write(path, known)
        found[name] = known
    return found


def _write(path: Path, similarities: Similarities) -> None:
    arrays = {name: array for name, array in zip(("every", "whole"), similarities, strict=True) if array is not None}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def _read(path: Path, candidates: MergeCandidates) -> Similarities | None:
    """None where there is none that can be read and fits."""
    try:
        with np.load(path, allow_pickle=False) as file:
            found = file["every"], (file["whole"] if candidates.whole is not None else None)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    tables = candidates.every, candidates.whole
    fits = all(table is None or len(table) == len(array) for table, array in zip(tables, found, strict=True))
    return found if fits else None
