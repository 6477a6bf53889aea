"""Extends and prunes an index. The old index stays complete until index.json is replaced."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from imgfp.errors import InputError
from imgfp.files import read_lines
from imgfp.fusion import FusionConfig
from imgfp.images import ImageList
from imgfp.pipeline.index.description import (
    extraction_of,
    index_config_of,
    read_description,
    require_weights,
    write_description,
)
from imgfp.pipeline.index.descriptor_index import grow_descriptor_indexes
from imgfp.pipeline.index.index import open_features
from imgfp.pipeline.index.parts import build_part, part_folder, read_images
from imgfp.pipeline.presets import PRESETS
from imgfp.pipeline.run_config import RunConfig, parse_branches
from imgfp.pipeline.stages.compress import clean_compressed
from imgfp.pipeline.stages.features import usable_sift
from imgfp.pipeline.stages.stage import StageResult


def add_images(images: ImageList, folder: Path, given: Mapping[str, str]) -> list[StageResult]:
    """Adds a part to an index, or finishes one that was interrupted; an existing part is checked and repaired.

    Args:
        images: What to add.
        folder: The index.
        given: Options of the command line that were given: they must be what the index was built with.

    Raises:
        InputError: no index there, other settings than the index's, or an id that it has already.
    """
    description = read_description(folder)
    _refuse_changed(folder, description, given)
    number = _part_of(images, folder, description)
    require_weights(folder, description)
    run = _run_of(description)
    sift = run.preset.sift
    if run.needs_features and usable_sift(sift) != sift:
        raise InputError(
            f"{folder} was built with sift.extractor={sift.extractor}, which cannot be used here, and features of another do "
            "not mix with it: add on a machine where it works, or build another index"
        )
    results, entry = build_part(images, part_folder(folder, number), run)
    description["parts"][number : number + 1] = [entry]
    return results + _publish(folder, description)


def remove_images(ids: Collection[str], folder: Path, given: Mapping[str, str]) -> list[StageResult]:
    """Removes images from an index. Their files stay in its parts, but no search finds them.

    Raises:
        InputError: no index there, an id that it does not have, or nothing would be left.
    """
    description = read_description(folder)
    _refuse_changed(folder, description, given)
    entries = description["parts"]
    known = {
        image_id
        for number, entry in enumerate(entries)
        for image_id in read_images(part_folder(folder, number), entry).ids
    }
    for image_id in ids:
        if image_id not in known:
            raise InputError(f"{folder} has no image '{image_id}': give ids of its parts/*/images.csv")
    description["removed"] = sorted({*description["removed"], *ids})
    if len(description["removed"]) == len(known):
        raise InputError(f"{folder}: nothing would be left of its {len(known)} images: delete the folder instead")
    return _publish(folder, description)


def read_ids(text: str) -> list[str]:
    """Ids separated by commas, or the lines of a text file where `text` is the name of one.

    Raises:
        InputError: no id.
    """
    lines = read_lines(Path(text), "ids, one per line") if _is_file(text) else text.split(",")
    ids = [line.strip() for line in lines if line.strip()]
    if not ids:
        raise InputError(f"--remove {text!r}: no id: give ids separated by commas, or a text file with one per line")
    return ids


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except OSError:  # many ids are too long for a name
        return False


def _refuse_changed(folder: Path, description: dict[str, Any], given: Mapping[str, str]) -> None:
    own = {
        "--preset": description["preset"],
        "--branches": ",".join(description["branches"]),
        "--index": description["index"]["kind"],
    }
    for name, value in given.items():
        wanted = ",".join(RunConfig.named(branches=value).indexed) if name == "--branches" else value
        if wanted != own[name]:
            raise InputError(
                f"{folder} was built with {name} {own[name]}, not {value}: leave {name} out, or build another index"
            )


def _part_of(images: ImageList, folder: Path, description: dict[str, Any]) -> int:
    """The number of the part that these images are, or will be."""
    for number, entry in enumerate(description["parts"]):
        there = read_images(part_folder(folder, number), entry)
        both = sorted(set(there.ids) & set(images.ids))
        gone = sorted(set(both) & set(description["removed"]))
        if gone:
            raise InputError(
                f"{folder}: image '{gone[0]}' was removed from it, and a removed id never comes back: "
                "give the image another name, or build the index again"
            )
        if there.ids == images.ids and _places(there) == _places(images):
            return number
        if both:
            raise InputError(
                f"{folder} has an image '{both[0]}' already ({len(both)} of {len(images)} ids are taken): "
                "ids are file names without suffix; give a folder or a text list of the new images only, or rename them"
            )
    return len(description["parts"])


def _run_of(description: dict[str, Any]) -> RunConfig:
    """A run that extracts what the index holds."""
    preset = PRESETS["default"].with_extraction(extraction_of(description))
    if "features/manifest.json" not in description["parts"][0]["files"]:
        preset = replace(preset, fusion=FusionConfig("similarity"))  # the rule that has no use for features
    return RunConfig("default", preset, parse_branches(description["branches"]))


def _places(images: ImageList) -> list[Path]:
    return [path.resolve() for path in images.paths]


def _publish(folder: Path, description: dict[str, Any]) -> list[StageResult]:
    """Builds what the new state needs, then makes it the index's state, then clears the old one away."""
    features = open_features(folder, description)
    results: list[StageResult] = []
    if features is not None:
        results = grow_descriptor_indexes(folder, features, index_config_of(description))
    write_description(folder, description)
    if features is not None:
        for built in folder.glob("compressed/*"):
            clean_compressed(built, features)
    return results
