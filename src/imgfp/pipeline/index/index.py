"""An index: everything about a reference collection that searches need, on disk, built once, extended later (grow.py).

INDEX/index.json      what it was built from; the parts with their image folders and checksums; removed ids (description.py)
INDEX/parts/000/      the images it was built from; 001 and on: what was added (parts.py)
INDEX/compressed/     compressed descriptor indexes by kind (stages/compress.py), where the collection needs one

index.json is written last and names parts: whatever else is there is not yet, or no longer, part of the index.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imgfp.files import hash_value
from imgfp.images import Failure, ImageList
from imgfp.local.index.index_config import IndexConfig
from imgfp.local.joined import JoinedFeatures
from imgfp.pipeline.index.description import (
    describe,
    extraction_of,
    index_config_of,
    read_description,
    refuse_other,
    require_weights,
    write_description,
)
from imgfp.pipeline.index.descriptor_index import prepare_descriptor_index
from imgfp.pipeline.index.parts import Part, build_part, open_part, part_failures, part_folder, read_images
from imgfp.pipeline.preset import Extraction
from imgfp.pipeline.run_config import RunConfig
from imgfp.pipeline.stages.stage import StageResult
from imgfp.records import DescriptorSet


@dataclass(frozen=True)
class Index:
    """An opened index, without what was removed.

    Attributes:
        preset_name: Of the preset that searches start from unless they ask for another.
        extraction: What features and descriptors depend on: a search must have the same.
        index_config: Default index type for local descriptors; a search may choose a different one.
        features, descriptors: None where it was built without that branch.
        fingerprint: A hash of index.json, which names everything else by checksums.
        descriptors_fingerprint: A hash of all descriptors.
    """

    folder: Path
    preset_name: str
    extraction: Extraction
    index_config: IndexConfig
    branches: tuple[str, ...]
    images: ImageList
    features: JoinedFeatures | None
    fingerprint: str
    descriptors: DescriptorSet | None
    descriptors_fingerprint: str


def build_index(references: ImageList, folder: Path, run: RunConfig) -> list[StageResult]:
    """Builds an index, or finishes one that was interrupted.

    Raises:
        InputError: the folder holds an index of other images or settings.
    """
    run = run.located()
    first = {"root": str(references.root.resolve()), "images": len(references)}
    description = describe(run) | {"parts": [first], "removed": []}
    if (folder / "index.json").is_file():
        old = read_description(folder)
        refuse_other(folder, old, description)
        description |= {"parts": old["parts"], "removed": old["removed"]}
    results, entry = build_part(references, part_folder(folder, 0), run)
    description["parts"] = [entry, *description["parts"][1:]]
    results += prepare_descriptor_index(folder, open_features(folder, description), run.preset.index)
    write_description(folder, description)
    return results


def open_index(folder: Path) -> Index:
    """Opens a finished index after comparing its files with their checksums.

    Raises:
        InputError: no finished index there, or one of its files is missing or changed.
    """
    description = read_description(folder)
    parts, features = _open_parts(folder, description)
    require_weights(folder, description)
    return Index(
        folder,
        description["preset"],
        extraction_of(description),
        index_config_of(description),
        tuple(description["branches"]),
        _joined_images([part.images for part in parts], set(description["removed"])),
        features,
        hash_value(description),
        *_joined_descriptors(parts, description),
    )


def open_images(folder: Path) -> ImageList:
    """The images of an index, without what was removed."""
    description = read_description(folder)
    removed = set(description["removed"])
    lists = [read_images(part_folder(folder, number), entry) for number, entry in enumerate(description["parts"])]
    return _joined_images(lists, removed)


def index_failures(folder: Path) -> list[Failure]:
    """The images that could not be used, of all parts of an index."""
    parts = len(read_description(folder)["parts"])
    return [failure for number in range(parts) for failure in part_failures(part_folder(folder, number))]


def open_features(folder: Path, description: dict[str, Any]) -> JoinedFeatures | None:
    """The local features of the parts that `description` names; None for an index without."""
    return _open_parts(folder, description)[1]


def _open_parts(folder: Path, description: dict[str, Any]) -> tuple[list[Part], JoinedFeatures | None]:
    parts = [open_part(part_folder(folder, number), entry) for number, entry in enumerate(description["parts"])]
    stores = [part.features for part in parts if part.features is not None]
    return parts, JoinedFeatures(stores, description["removed"]) if stores else None


def _joined_images(parts: list[ImageList], removed: set[str]) -> ImageList:
    kept = [
        (image_id, path)
        for part in parts
        for image_id, path in zip(part.ids, part.paths, strict=True)
        if image_id not in removed
    ]
    return ImageList(parts[0].root, tuple(row[0] for row in kept), tuple(row[1] for row in kept))


def _joined_descriptors(parts: list[Part], description: dict[str, Any]) -> tuple[DescriptorSet | None, str]:
    """All parts' descriptors, sorted by id, and their fingerprint."""
    name = "descriptors/descriptors.h5"
    sets = [part.descriptors for part in parts if part.descriptors is not None]
    hashes = [entry["files"].get(name, "") for entry in description["parts"]]
    if not sets:
        return None, ""
    if len(sets) == 1 and not description["removed"]:
        return sets[0], hashes[0]
    ids = np.concatenate([item.ids for item in sets])
    rows = np.argsort(ids)
    rows = rows[~np.isin(ids[rows], description["removed"])]
    matrix = np.concatenate([item.matrix for item in sets])[rows]
    return DescriptorSet(ids[rows], matrix), hash_value([hashes, description["removed"]])
