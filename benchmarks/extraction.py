"""Local features of 100 photographs: our extractor against pycolmap's, where the time goes, two workers against one."""

import os
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # also as `python benchmarks/NAME.py`

from benchmarks._side_by_side import ROOT, alternate, need, show
from imgfp.images import Failure, ImageList, read_rgb
from imgfp.local.sift.extract import SiftPool
from imgfp.local.sift.extractor_check import same_keypoints
from imgfp.local.sift.plane import luma_plane
from imgfp.local.sift.sift import EXTRACTORS, SiftConfig, extract_sift, sift_of_plane

COUNT = 100


def photographs(folder: Path) -> list[Path]:
    """From isc-mini, or synthetic ones where that is missing."""
    data = Path(os.environ.get("IMGFP_DATA") or ROOT.parent / "shared" / "data" / "isc-mini")
    if (data / "reference_images").is_dir():
        return list(ImageList.from_disc(data, "reference").paths[:COUNT])
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        layers = [cv2.GaussianBlur(rng.normal(0, 1, (384, 512, 3)), (0, 0), s) * s * 60 for s in (1.5, 4, 12)]
        pixels = np.clip(128 + sum(layers), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03d}.jpg", quality=92)
    return sorted(folder.iterdir())


def read(path: Path) -> np.ndarray:
    """One photograph."""
    rgb = read_rgb(path)
    assert not isinstance(rgb, Failure), rgb
    return rgb


def compare_extractors(paths: list[Path]) -> None:
    """Planes in memory, one thread, processor time."""
    planes = [luma_plane(read(path), SiftConfig().side) for path in paths]
    configs = {name: SiftConfig(extractor=name) for name in EXTRACTORS}
    counts = {name: sum(len(sift_of_plane(plane, config)) for plane in planes) for name, config in configs.items()}
    ways = {
        "pycolmap": lambda: [sift_of_plane(plane, configs["pycolmap"]) for plane in planes],
        "compiled": lambda: [sift_of_plane(plane, configs["compiled"]) for plane in planes],
    }
    seconds = alternate(ways, rounds=5, clock=time.process_time)  # what was compiled or loaded above is not counted
    show(f"SIFT of {len(planes)} planes, one core, processor time", seconds, "pycolmap", len(planes), "planes")
    print("keypoints: " + ", ".join(f"{name} {count:,}" for name, count in counts.items()))
    need("compiled at least 2.2x pycolmap per core", seconds["pycolmap"] >= 2.2 * seconds["compiled"])


def compare_with_golden(folder: Path) -> None:
    """Both extractors on imgFp's own planes, beside what imgFp's own program found there."""
    print(f"\n{'keypoints of imgFp':<34}{'found again':>14}{'median distance':>17}{'equal bytes':>13}")
    for name in EXTRACTORS:
        total = found = 0
        off = []
        for path in sorted((folder / "images").glob("*.npz")):
            with np.load(path) as golden:
                if "luma" not in golden.files:
                    continue
                ours = sift_of_plane(golden["luma"], SiftConfig(extractor=name))
                total += len(golden["keypoints"])
                if not len(ours):
                    continue
                same = same_keypoints(golden["keypoints"], ours.keypoints)
                hit = same.any(1)
                found += int(hit.sum())
                off.append((golden["descriptors"].astype(int) - ours.descriptors[same.argmax(1)])[hit])
        apart = np.concatenate(off)
        median = np.median((apart**2).sum(1))
        print(f"{name:<34}{found / total:>14.2%}{median:>17.0f}{(apart == 0).mean():>13.1%}")
        if name == "compiled":
            need("99 % of imgFp's keypoints found again by ours", found >= 0.99 * total)
            need("median squared descriptor distance of ours at most 150", median <= 150)


def where_the_time_goes(paths: list[Path]) -> None:
    """Decoding, plane and SIFT of each photograph, one core."""
    config = SiftConfig()
    photos = [read(path) for path in paths]
    planes = [luma_plane(image, config.side) for image in photos]
    ways = {
        "decoding": lambda: [read(path) for path in paths],
        "plane": lambda: [luma_plane(image, config.side) for image in photos],
        "SIFT (compiled)": lambda: [sift_of_plane(plane, config) for plane in planes],
        "all of it": lambda: [extract_sift(read(path), config) for path in paths],
    }
    seconds = alternate(ways, rounds=5, clock=time.process_time)
    show(f"parts of {len(paths)} photographs, one core, processor time", seconds, "all of it", len(paths), "images")


def compare_workers(paths: list[Path]) -> None:
    """The pools are started before the clock, as a run uses one pool for all its shards."""
    with SiftPool(SiftConfig(), 1) as one, SiftPool(SiftConfig(), 2) as two:
        for pool in (one, two):
            list(pool.extract(paths[:8]))  # imports in the workers
        ways = {
            "one worker": lambda: list(one.extract(paths)),
            "two workers": lambda: list(two.extract(paths)),
            "no pool": lambda: [extract_sift(read(path), SiftConfig()) for path in paths],
        }
        seconds = alternate(ways, rounds=5)
    show(f"SIFT of {len(paths)} photographs", seconds, "one worker", len(paths), "images")
    need("two workers at least 1.7x one", seconds["one worker"] >= 1.7 * seconds["two workers"])


def main() -> None:
    """Prints the tables."""
    golden = Path(os.environ.get("IMGFP_GOLDEN") or ROOT.parent / "shared" / "golden") / "imgfp_sift"
    with tempfile.TemporaryDirectory() as folder:
        paths = photographs(Path(folder))
        compare_extractors(paths)
        if golden.is_dir():
            compare_with_golden(golden)
        where_the_time_goes(paths)
        compare_workers(paths)


if __name__ == "__main__":
    main()
