"""The synthetic set of an app: which photographs it is made of, and the set with its ground truth."""

import csv
from dataclasses import asdict
from pathlib import Path

from imgfp.apps.schemas import PhotographsApp, RankingApp
from imgfp.datasets.disc_set import DiscSet
from imgfp.datasets.synthetic import make_synthetic_set, synthetic_references
from imgfp.errors import InputError
from imgfp.files import hash_value, read_lines
from imgfp.images import ImageList
from imgfp.pipeline.presets import Preset
from imgfp.records import GroundTruth


def synthetic_data(settings: RankingApp, photographs: ImageList) -> DiscSet:
    """The set that `settings.synthetic` describes, made in `settings.paths.work` unless it exists."""
    name = f"set-{hash_value([str(photographs.root), len(photographs), asdict(settings.synthetic)])[:8]}"
    folder = Path(settings.paths.work) / name
    make_synthetic_set(photographs, folder, settings.synthetic)
    return DiscSet(
        folder,
        ImageList.from_folder(folder / "query_images"),
        synthetic_references(photographs, folder),
        GroundTruth.read_csv(folder / "ground_truth.csv"),
    )


def photographs_of(settings: PhotographsApp) -> ImageList:
    """The photographs to make copies of: only those that may be used, without those that an evaluation set shows."""
    folder = settings.photographs or Path(settings.data.root) / "training_images"
    images = ImageList.open(Path(folder))
    if settings.leave_out:
        images = images.leave_out(Path(settings.leave_out))
    if settings.sources:
        lines = read_lines(Path(settings.sources), "a CSV with the columns image_id and shippable")
        refused = {row["image_id"] for row in csv.DictReader(lines) if row.get("shippable") != "yes"}
        images = images.take(row for row, image_id in enumerate(images.ids) if image_id not in refused)
    if len(images) < 4:
        raise InputError(
            f"{folder}: {len(images)} photographs are left: at least 4 are needed, give more or leave out fewer"
        )
    return images


def default_preset(settings: RankingApp) -> Preset:
    """The only preset that has a fitted ranking.

    Raises:
        InputError: another one was chosen.
    """
    if list(settings.preset) != ["default"]:
        raise InputError(
            f"preset={list(settings.preset)}: only preset default has a fitted ranking: give preset=[default]"
        )
    return settings.preset["default"]
