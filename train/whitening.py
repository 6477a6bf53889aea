"""Fits the whitening that comes with the package: python train/whitening.py ISC_MINI WORK.

Only to training photographs that sources.csv marks as shippable, evenly spread over the list, and none that is known to
duplicate a reference or a query. Killed at any point, the same command resumes.
"""

import argparse
import csv
from pathlib import Path

from imgfp.images import ImageList
from imgfp.mirror.describe import RegionsConfig
from imgfp.mirror.whitening import PACKAGED
from imgfp.pipeline.region_whitening import fit_region_whitening


def shippable_photographs(data: Path, count: int) -> tuple[ImageList, dict[str, int]]:
    """`count` photographs of isc-mini, or all, and how many come from each source."""
    with (data / "known_duplicates.csv").open(newline="") as file:
        left_out = {row[key] for row in csv.DictReader(file) for key in ("id_a", "id_b")}
    with (data / "sources.csv").open(newline="") as file:
        rows = {row["image_id"]: row for row in csv.DictReader(file) if row["shippable"] == "yes"}
    training = ImageList.from_disc(data, "training")
    kept = [row for row, image_id in enumerate(training.ids) if image_id in rows and image_id not in left_out]
    kept = kept[:: max(1, len(kept) // count)][:count]
    images = ImageList(
        training.root, tuple(training.ids[row] for row in kept), tuple(training.paths[row] for row in kept)
    )
    sources: dict[str, int] = {}
    for image_id in images.ids:
        name = f"{rows[image_id]['source']} ({rows[image_id]['licence']})"
        sources[name] = sources.get(name, 0) + 1
    return images, sources


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of isc-mini")
    parser.add_argument("work", type=Path, help="folder of the features, from which the fit resumes")
    parser.add_argument("--photographs", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=PACKAGED, help="default: the packaged file")
    options = parser.parse_args()
    images, sources = shippable_photographs(options.data, options.photographs)
    fit_region_whitening(images, RegionsConfig(), 256, options.work, options.out, {"sources": sources})
