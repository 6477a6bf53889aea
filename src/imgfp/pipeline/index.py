"""An index: everything about a reference collection that searches need, on disk, built once.

INDEX/index.json      preset, its settings, branches, the images' folder
INDEX/images.csv      id, path below that folder, size in bytes
INDEX/features/       local features (where the local branch is wanted)
INDEX/descriptors/    global descriptors (where the global branch is wanted)
"""

import csv
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from imgfp.descriptors import TopkConfig
from imgfp.encoders import EncoderConfig
from imgfp.errors import InputError
from imgfp.files import hash_file, write_csv, write_json
from imgfp.fusion import FusionConfig
from imgfp.images import ImageList
from imgfp.local.sift import SiftConfig
from imgfp.local.store import FeatureStore
from imgfp.local.verify import MatchConfig
from imgfp.local.views import ViewsConfig
from imgfp.local.vote import VoteConfig
from imgfp.pipeline.describe import descriptor_stage
from imgfp.pipeline.features import feature_stage, with_usable_extractor
from imgfp.pipeline.presets import Preset, needs_features
from imgfp.pipeline.stage import StageResult
from imgfp.records import DescriptorSet, read_descriptors

SCHEMA = 1


@dataclass(frozen=True)
class Index:
    """An opened index. `features`, `descriptors`: None where it was built without that branch."""

    folder: Path
    preset_name: str
    preset: Preset
    branches: tuple[str, ...]
    images: ImageList
    features: FeatureStore | None
    descriptors: DescriptorSet | None


def build_index(
    references: ImageList, folder: Path, preset_name: str, preset: Preset, branches: tuple[str, ...]
) -> list[StageResult]:
    """Builds an index, or finishes one that was interrupted.

    Raises:
        InputError: the folder holds an index made from other images or settings.
    """
    preset = with_usable_extractor(located(preset), branches)
    description = {
        "schema": SCHEMA,
        "preset": preset_name,
        "settings": asdict(preset),
        "branches": list(branches),
        "root": str(references.root.resolve()),
        "images": len(references),
        "weights": _weights_hash(preset.encoder),
    }
    _refuse_other(folder / "index.json", description)
    results = []
    if needs_features(preset, branches):
        results.append(feature_stage("reference features", references, preset.sift, folder / "features"))
    if "global" in branches:
        results.append(
            descriptor_stage("reference descriptors", references, preset.encoder, folder / "descriptors", "reference")
        )
    for result in results:
        require_some(result.items - len(result.failures), references, result)
    _write_images(folder / "images.csv", references)
    checksums = {"images.csv": hash_file(folder / "images.csv")}
    if "global" in branches:
        checksums["descriptors/descriptors.h5"] = hash_file(folder / "descriptors" / "descriptors.h5")
    write_json(folder / "index.json", description | {"files": checksums})
    return results


def located(preset: Preset) -> Preset:
    """The preset with the absolute path of its encoder's weights: a search may start in another folder."""
    weights = preset.encoder.weights
    if weights is None:
        return preset
    return replace(preset, encoder=replace(preset.encoder, weights=str(Path(weights).resolve())))


def open_index(folder: Path) -> Index:
    """Opens a finished index after comparing its files with their checksums.

    Raises:
        InputError: no finished index there, or one of its files is missing or changed.
    """
    description = _read(folder / "index.json")
    for name, checksum in description["files"].items():
        if not (folder / name).is_file() or hash_file(folder / name) != checksum:
            raise InputError(
                f"{folder / name}: missing or changed since it was written: delete {folder} and build it again"
            )
    preset = preset_from(description["settings"])
    if "global" in description["branches"] and _weights_hash(preset.encoder) != description.get("weights"):
        raise InputError(
            f"{preset.encoder.weights}: not the weights that {folder} was built with: "
            "put those back, or build the index again"
        )
    branches = tuple(description["branches"])
    with (folder / "images.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    root = Path(description["root"])
    images = ImageList(root, tuple(row["id"] for row in rows), tuple(root / row["path"] for row in rows))
    return Index(
        folder,
        description["preset"],
        preset,
        branches,
        images,
        FeatureStore(folder / "features") if needs_features(preset, branches) else None,
        read_descriptors(folder / "descriptors" / "descriptors.h5", "reference") if "global" in branches else None,
    )


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
    )


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(
            f"{path.parent}: no finished index there (no index.json): run 'imgfp index REFERENCES --out {path.parent}'"
        )
    try:
        description: dict[str, Any] = json.loads(path.read_bytes())
        if description["schema"] != SCHEMA:
            raise InputError(
                f"{path}: schema {description['schema']}, this version reads {SCHEMA}: build the index again"
            )
        if not description.keys() >= {"preset", "settings", "branches", "root", "images", "files"}:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: damaged: delete {path.parent} and build the index again") from None
    return description


def _refuse_other(path: Path, description: dict[str, Any]) -> None:
    if not path.is_file():
        return
    old = _read(path)
    for key in ("preset", "branches", "root", "images", "settings", "weights"):
        if old.get(key) != description[key]:
            raise InputError(
                f"{path.parent} is an index with {key} = {old.get(key)!r}, now it is {description[key]!r}: "
                "give another output folder, or delete this one"
            )


def _weights_hash(encoder: EncoderConfig) -> str | None:
    """sha256 of the encoder's own file of weights; None where it has none, "missing" where it is gone."""
    if encoder.weights is None:
        return None
    return hash_file(Path(encoder.weights)) if Path(encoder.weights).is_file() else "missing"


def _write_images(path: Path, images: ImageList) -> None:
    rows = [
        (image_id, image.relative_to(images.root).as_posix(), image.stat().st_size if image.is_file() else "")
        for image_id, image in zip(images.ids, images.paths, strict=True)
    ]
    write_csv(path, ("id", "path", "bytes"), rows)


def require_some(count: int, images: ImageList, stage: StageResult) -> None:
    """Raises InputError unless at least one image of a stage could be used."""
    if not count:
        first = stage.failures[0]
        raise InputError(
            f"{images.root}: none of the {len(images)} images can be read; the first: {first.path}: {first.reason}"
        )
