"""A part of an index: the images that were added together, with their features and descriptors. Written once.

PART/images.csv      id, path below the part's root, size in bytes
PART/features/       local features (unless nothing is compared by keypoints)
PART/descriptors/    global descriptors (with the global branch)
"""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgfp.errors import InputError
from imgfp.files import hash_file, write_csv
from imgfp.images import Failure, ImageList
from imgfp.local.store import FeatureStore
from imgfp.pipeline.run_config import RunConfig
from imgfp.pipeline.stages.describe import descriptor_stage
from imgfp.pipeline.stages.features import feature_stage
from imgfp.pipeline.stages.stage import StageResult
from imgfp.records import DescriptorSet, read_descriptors


@dataclass(frozen=True)
class Part:
    """An opened part. `features`, `descriptors`: None where the index has no such branch."""

    images: ImageList
    features: FeatureStore | None
    descriptors: DescriptorSet | None


def part_folder(index: Path, number: int) -> Path:
    """The folder of part `number` of an index."""
    return index / "parts" / f"{number:03d}"


def build_part(images: ImageList, folder: Path, run: RunConfig) -> tuple[list[StageResult], dict[str, Any]]:
    """Builds a part, or finishes one that was interrupted. Returns its stages, and its entry in index.json.

    Raises:
        InputError: the folder holds a part of other images or settings, or no image can be read.
    """
    results = []
    if run.needs_features:
        results.append(feature_stage("reference features", images, run.preset.sift, folder / "features"))
    if "global" in run.branches:
        results.append(
            descriptor_stage("reference descriptors", images, run.preset.encoder, folder / "descriptors", "reference")
        )
    for result in results:
        require_some(result.items - len(result.failures), images, result)
    _write_images(folder / "images.csv", images)
    files = {"images.csv": hash_file(folder / "images.csv")}
    if run.needs_features:
        files["features/manifest.json"] = hash_file(folder / "features" / "manifest.json")
    if "global" in run.branches:
        files["descriptors/descriptors.h5"] = hash_file(folder / "descriptors" / "descriptors.h5")
    return results, {"root": str(images.root.resolve()), "images": len(images), "files": files}


def open_part(folder: Path, entry: dict[str, Any]) -> Part:
    """Opens a part after comparing its files with their checksums.

    Raises:
        InputError: a file is missing or changed, or features or descriptors of images that images.csv lacks.
    """
    images = read_images(folder, entry)
    for name in entry["files"]:
        _require_whole(folder, name, entry)
    features = FeatureStore(folder / "features") if "features/manifest.json" in entry["files"] else None
    descriptors = None
    if "descriptors/descriptors.h5" in entry["files"]:
        descriptors = read_descriptors(folder / "descriptors" / "descriptors.h5", "reference")
    listed = set(images.ids)
    for what, ids in (
        ("features", () if features is None else features.ids),
        ("descriptors", () if descriptors is None else descriptors.ids.tolist()),
    ):
        unknown = next((image_id for image_id in ids if image_id not in listed), None)
        if unknown is not None:
            raise InputError(
                f"{folder / 'images.csv'}: has no image '{unknown}', which {what}/ has: "
                f"delete {folder.parent.parent} and build it again"
            )
    return Part(images, features, descriptors)


def part_failures(folder: Path) -> list[Failure]:
    """The images of a part that could not be used, each once."""
    found = []
    for stage in ("features", "descriptors"):
        path = folder / stage / "manifest.json"
        if path.is_file():
            found += [Failure(Path(name), reason) for name, reason in json.loads(path.read_bytes())["failures"]]
    return list(dict.fromkeys(found))


def read_images(folder: Path, entry: dict[str, Any]) -> ImageList:
    """The images of a part.

    Raises:
        InputError: the list is missing or changed.
    """
    _require_whole(folder, "images.csv", entry)
    with (folder / "images.csv").open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = list(csv.DictReader(file))
    root = Path(entry["root"])
    return ImageList(root, tuple(row["id"] for row in rows), tuple(root / row["path"] for row in rows))


def _require_whole(folder: Path, name: str, entry: dict[str, Any]) -> None:
    if not (folder / name).is_file() or hash_file(folder / name) != entry["files"].get(name):
        raise InputError(
            f"{folder / name}: missing or changed since it was written: delete {folder.parent.parent} and build it again"
        )


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
            f"{images.root}: none of the {len(images)} images can be read; first: {first.path}: {first.reason}"
        )
