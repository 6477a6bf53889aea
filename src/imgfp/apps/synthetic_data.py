"""The self-made set of an app: which photographs it is made of, and the set as judged data."""

import csv
from dataclasses import asdict
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from imgfp.datasets.disc_set import DiscSet
from imgfp.datasets.synthetic import SyntheticConfig, make_synthetic_set, synthetic_references
from imgfp.errors import InputError
from imgfp.files import hash_value, read_lines
from imgfp.images import ImageList
from imgfp.records import GroundTruth


def synthetic_data(config: DictConfig, photographs: ImageList) -> DiscSet:
    """The set that `config.synthetic` describes, made in `config.paths.work` unless it is there."""
    made = SyntheticConfig(**OmegaConf.to_container(config.synthetic))  # type: ignore[arg-type]
    name = f"set-{hash_value([str(photographs.root), len(photographs), asdict(made)])[:8]}"
    folder = Path(config.paths.work) / name
    make_synthetic_set(photographs, folder, made)
    return DiscSet(
        folder,
        ImageList.from_folder(folder / "query_images"),
        synthetic_references(photographs, folder),
        GroundTruth.read_csv(folder / "ground_truth.csv"),
    )


def photographs_of(config: DictConfig) -> ImageList:
    """The photographs to make copies of: without those that a judged set shows, and only those that may be used."""
    folder = config.photographs or Path(config.data.root) / "training_images"
    images = ImageList.open(Path(folder))
    left_out: set[str] = set()
    if config.leave_out:
        rows = csv.reader(read_lines(Path(config.leave_out), "a CSV whose first two columns are image ids"))
        left_out = {field for row in rows for field in row[:2]}
    if config.sources:
        lines = read_lines(Path(config.sources), "a CSV with the columns image_id and shippable")
        left_out |= {row["image_id"] for row in csv.DictReader(lines) if row.get("shippable") != "yes"}
    kept = [row for row, image_id in enumerate(images.ids) if image_id not in left_out]
    if len(kept) < 4:
        raise InputError(f"{folder}: {len(kept)} photographs left to make copies of: give more, or leave out fewer")
    return ImageList(images.root, tuple(images.ids[row] for row in kept), tuple(images.paths[row] for row in kept))
