"""An index: everything about a reference collection that searches need, on disk, built once, grown later (grow.py).

INDEX/index.json      preset, its settings, branches; the parts with their folders of pictures and checksums; removed ids
INDEX/parts/000/      the pictures it was built of; 001 and on: what was added (parts.py)
INDEX/compressed/     compressed descriptor indexes by kind (compress.py), where the collection needs one

index.json is written last and names parts: whatever lies beside them is not yet, or no longer, part of the index.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from imgfp.descriptors import TopkConfig
from imgfp.encoders import EncoderConfig
from imgfp.errors import InputError
from imgfp.files import hash_file, hash_value, write_json
from imgfp.fusion import FusionConfig
from imgfp.images import Failure, ImageList
from imgfp.local.index.index_config import IndexConfig
from imgfp.local.joined import JoinedFeatures
from imgfp.local.sift.sift import SiftConfig
from imgfp.local.sift.views import ViewsConfig
from imgfp.local.verify import MatchConfig
from imgfp.local.vote import VoteConfig
from imgfp.pipeline.index.descriptor_index import prepare_descriptor_index
from imgfp.pipeline.index.parts import Part, build_part, open_part, part_failures, part_folder, read_images
from imgfp.pipeline.presets import CropConfig, Preset, indexed
from imgfp.pipeline.stages.features import with_usable_extractor
from imgfp.pipeline.stages.stage import StageResult
from imgfp.records import DescriptorSet

SCHEMA = 4


@dataclass(frozen=True)
class Index:
    """An opened index, without what was removed. `features`, `descriptors`: None where it was built without that branch."""

    folder: Path
    preset_name: str
    preset: Preset
    branches: tuple[str, ...]
    images: ImageList
    features: JoinedFeatures | None
    descriptors: DescriptorSet | None
    descriptors_fingerprint: str  # a hash of all descriptors


def build_index(
    references: ImageList, folder: Path, preset_name: str, preset: Preset, branches: tuple[str, ...]
) -> list[StageResult]:
    """Builds an index, or finishes one that was interrupted.

    Raises:
        InputError: the folder holds an index made from other images or settings.
    """
    branches = indexed(branches)
    preset = with_usable_extractor(located(preset), branches)
    first = {"root": str(references.root.resolve()), "images": len(references)}
    description = _describe(preset_name, preset, branches) | {"parts": [first], "removed": []}
    path = folder / "index.json"
    if path.is_file():
        old = read_description(path)
        _refuse_other(folder, _comparable(old), _comparable(description))
        description |= {"parts": old["parts"], "removed": old["removed"]}
    results, entry = build_part(references, part_folder(folder, 0), preset, branches)
    description["parts"] = [entry, *description["parts"][1:]]
    results += prepare_descriptor_index(folder, open_features(folder, description), preset.index)
    write_description(folder, description)
    return results


def _describe(preset_name: str, preset: Preset, branches: tuple[str, ...]) -> dict[str, Any]:
    """What index.json says beside its parts."""
    return {
        "schema": SCHEMA,
        "preset": preset_name,
        "settings": asdict(preset),
        "branches": list(branches),
        "weights": _weights_hash(preset.encoder),
    }


def located(preset: Preset) -> Preset:
    """The preset with the absolute paths of its weights: a search may start in another folder."""
    encoder, crop = (
        part if part.weights is None else replace(part, weights=str(Path(part.weights).resolve()))
        for part in (preset.encoder, preset.crop)
    )
    return replace(preset, encoder=encoder, crop=crop)  # type: ignore[arg-type]


def open_index(folder: Path) -> Index:
    """Opens a finished index after comparing its files with their checksums.

    Raises:
        InputError: no finished index there, or one of its files is missing or changed.
    """
    description = read_description(folder / "index.json")
    parts = [open_part(part_folder(folder, number), entry) for number, entry in enumerate(description["parts"])]
    preset = preset_from(description["settings"])
    require_weights(folder, description, preset)
    removed = description["removed"]
    stores = [part.features for part in parts if part.features is not None]
    return Index(
        folder,
        description["preset"],
        preset,
        tuple(description["branches"]),
        _joined_images([part.images for part in parts], set(removed)),
        JoinedFeatures(stores, removed) if stores else None,
        *_joined_descriptors(parts, description),
    )


def open_images(folder: Path) -> ImageList:
    """The pictures of an index, without what was removed."""
    description = read_description(folder / "index.json")
    removed = set(description["removed"])
    lists = [read_images(part_folder(folder, number), entry) for number, entry in enumerate(description["parts"])]
    return _joined_images(lists, removed)


def index_failures(folder: Path) -> list[Failure]:
    """The pictures that had to be left out of an index, of all its parts."""
    parts = len(read_description(folder / "index.json")["parts"])
    return [failure for number in range(parts) for failure in part_failures(part_folder(folder, number))]


def require_weights(folder: Path, description: dict[str, Any], preset: Preset) -> None:
    """Raises InputError where the encoder's file of weights is not the one that the index was built with."""
    if "global" in description["branches"] and _weights_hash(preset.encoder) != description["weights"]:
        raise InputError(
            f"{preset.encoder.weights}: not the weights that {folder} was built with: "
            "put those back, or build the index again"
        )


def open_features(folder: Path, description: dict[str, Any]) -> JoinedFeatures | None:
    """The local features of the parts that `description` names; None for an index without."""
    parts = [open_part(part_folder(folder, number), entry) for number, entry in enumerate(description["parts"])]
    stores = [part.features for part in parts if part.features is not None]
    return JoinedFeatures(stores, description["removed"]) if stores else None


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


def preset_from(settings: dict[str, Any]) -> Preset:
    """A preset from its plain form (`dataclasses.asdict`)."""
    return Preset(
        SiftConfig(**{"extractor": "pycolmap"} | settings["sift"]),  # indexes from before there was a choice
        ViewsConfig(**settings["views"]),
        EncoderConfig(**settings["encoder"]),
        VoteConfig(**settings["vote"]),
        TopkConfig(**settings["topk"]),
        MatchConfig(**settings["match"]),
        FusionConfig(**settings["fusion"]),
        IndexConfig(**settings["index"]),
        CropConfig(**settings.get("crop", {})),  # none in indexes from before there was a crop branch
    )


def write_description(folder: Path, description: dict[str, Any]) -> None:
    """Makes this the state of the index, atomically, with a checksum of its own."""
    write_json(folder / "index.json", description | {"sha256": hash_value(description)})


def read_description(path: Path) -> dict[str, Any]:
    """The content of an index.json.

    Raises:
        InputError: not there, damaged, or of another version.
    """
    if not path.is_file():
        raise InputError(
            f"{path.parent}: no finished index there (no index.json): run 'imgfp index REFERENCES --out {path.parent}'"
        )
    try:
        description: dict[str, Any] = json.loads(path.read_bytes())
        if description["schema"] != SCHEMA:
            raise InputError(
                f"{path}: schema {description['schema']}, this version reads {SCHEMA}: "
                f"delete {path.parent} and build the index again"
            )
        if description.pop("sha256") != hash_value(description) or not description.keys() >= {
            "preset",
            "settings",
            "branches",
            "weights",
            "parts",
            "removed",
        }:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: damaged: delete {path.parent} and build the index again") from None
    return description


def _refuse_other(folder: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Raises InputError that names the first key in which two descriptions differ."""
    for key in new:
        if old.get(key) != new[key]:
            raise InputError(
                f"{folder} is an index with {key} = {old.get(key)!r}, now it is {new[key]!r}: "
                "give another output folder, or delete this one"
            )


def _settings(description: dict[str, Any]) -> dict[str, Any]:
    """What a part depends on, key by key. How descriptors are kept may change: that is made beside the parts; crops are
    parts of queries."""
    known = asdict(preset_from(description["settings"]))  # with what was added since it was written
    settings = {f"settings.{name}": value for name, value in known.items() if name not in ("index", "crop")}
    return {key: description[key] for key in ("preset", "branches")} | settings | {"weights": description["weights"]}


def _comparable(description: dict[str, Any]) -> dict[str, Any]:
    first = description["parts"][0]
    own = _settings(description)
    start = {key: own.pop(key) for key in ("preset", "branches")}
    return start | {key: first[key] for key in ("root", "images")} | own


def _weights_hash(encoder: EncoderConfig) -> str | None:
    """sha256 of the encoder's own file of weights; None where it has none, "missing" where it is gone."""
    if encoder.weights is None:
        return None
    return hash_file(Path(encoder.weights)) if Path(encoder.weights).is_file() else "missing"
