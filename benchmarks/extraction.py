"""Local features of 100 photographs: two worker processes against one, and one against plain calls."""

import os
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # also as `python benchmarks/NAME.py`

from benchmarks._side_by_side import ROOT, alternate, need, show
from imgfp.images import Failure, ImageList, read_rgb
from imgfp.local.extract import SiftPool
from imgfp.local.sift import SiftConfig, extract_sift

COUNT = 100


def photographs(folder: Path) -> list[Path]:
    """From isc-mini, or made-up ones where that is missing."""
    data = Path(os.environ.get("IMGFP_DATA") or ROOT.parent / "shared" / "data" / "isc-mini")
    if (data / "reference_images").is_dir():
        return list(ImageList.from_disc(data, "reference").paths[:COUNT])
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        layers = [cv2.GaussianBlur(rng.normal(0, 1, (384, 512, 3)), (0, 0), s) * s * 60 for s in (1.5, 4, 12)]
        pixels = np.clip(128 + sum(layers), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03d}.jpg", quality=92)
    return sorted(folder.iterdir())


def plain(paths: list[Path]) -> int:
    """No pool: in this process, one after the other."""
    count = 0
    for path in paths:
        rgb = read_rgb(path)
        assert not isinstance(rgb, Failure), rgb
        count += len(extract_sift(rgb, SiftConfig()))
    return count


def main() -> None:
    """Prints the table. The pools are started before the clock, as a run uses one pool for all its shards."""
    with tempfile.TemporaryDirectory() as folder, SiftPool(SiftConfig(), 1) as one, SiftPool(SiftConfig(), 2) as two:
        paths = photographs(Path(folder))
        for pool in (one, two):
            list(pool.extract(paths[:8]))  # imports in the workers
        plain(paths[:4])
        ways = {
            "one worker": lambda: list(one.extract(paths)),
            "two workers": lambda: list(two.extract(paths)),
            "no pool": lambda: plain(paths),
        }
        seconds = alternate(ways, rounds=5)
    show(f"SIFT of {len(paths)} photographs", seconds, "one worker", len(paths), "images")
    need("two workers at least 1.7x one", seconds["one worker"] >= 1.7 * seconds["two workers"])


if __name__ == "__main__":
    main()
