"""One pair of photographs: match score and verification, against OpenCV's brute-force matcher. CPU time, one thread."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # also as `python benchmarks/NAME.py`

from benchmarks._side_by_side import ROOT, alternate, need, show
from imgfp.local.features import LocalFeatures, Transform, transform_descriptors, transforms_for
from imgfp.local.index.nearest import nearest_pair
from imgfp.local.match import MatchInput, match
from imgfp.local.verify import MatchConfig, compare_pair
from imgfp.threads import libraries_single_threaded

GOLDEN = Path(os.environ.get("IMGFP_GOLDEN") or ROOT.parent / "shared" / "golden") / "imgfp_sift" / "images"
PAIRS = (("e02", "p05"), ("e01", "e02"), ("e07", "p00"), ("e03", "p06"))  # turned, unrelated twice, mirrored
RATIO, ROUNDS = 1.8, 31
BASELINE = "BFMatcher, float32, both ways"


def main() -> None:
    """Prints two tables for each pair."""
    with libraries_single_threaded():
        for names in PAIRS:
            _compare(*names)


def _compare(query_name: str, reference_name: str) -> None:
    query, reference = _features(query_name), _features(reference_name)
    size = f"{query_name} and {reference_name}, {len(query)} x {len(reference)} keypoints"
    two, four = transforms_for(True, False), transforms_for(True, True)
    sides = {
        transforms: (MatchInput(query, transforms), MatchInput(reference, transforms)) for transforms in (two, four)
    }
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    train = query.descriptors.astype(np.float32)
    asked = [transform_descriptors(reference.descriptors, transform).astype(np.float32) for transform in two]

    def brute() -> list[Sequence[Sequence[cv2.DMatch]]]:
        return [matcher.knnMatch(item, train, k=2) for item in asked]

    _check_equal(brute(), sides[two], two)
    ways = {
        BASELINE: brute,
        "imgfp, plain and mirrored": lambda: match(*sides[two], RATIO),
        "the same, reference made ready": lambda: match(sides[two][0], MatchInput(reference, two), RATIO),
        "four transforms, reference made ready": lambda: match(sides[four][0], MatchInput(reference, four), RATIO),
    }
    seconds = alternate(ways, ROUNDS, time.process_time)
    show(f"match score of {size}", seconds, BASELINE, 1, "pairs")
    ratio = seconds[BASELINE] / seconds["the same, reference made ready"]
    need(f"plain and mirrored at least 8x faster, reference made ready: {ratio:.1f}x", ratio >= 8)

    def verified() -> None:
        for found in brute():
            good = [
                a for a, b in found if np.float32(RATIO) * np.float32(a.distance) ** 2 < np.float32(b.distance) ** 2
            ]
            if len(good) >= 3:
                source = reference.keypoints[[item.queryIdx for item in good], :2]
                target = query.keypoints[[item.trainIdx for item in good], :2]
                cv2.estimateAffine2D(source, target, method=cv2.RANSAC, ransacReprojThreshold=5.0)

    config = MatchConfig()
    ready = MatchInput(query, config.transforms)
    name = BASELINE + ", affine"
    ways = {
        name: verified,
        "imgfp, reference made ready": lambda: compare_pair(ready, MatchInput(reference, config.transforms), config),
    }
    seconds = alternate(ways, ROUNDS, time.process_time)
    show(f"candidate verified: {size}", seconds, name, 1, "pairs")
    ratio = seconds[name] / seconds["imgfp, reference made ready"]
    need(f"verified at least 4x faster: {ratio:.1f}x, in {len(config.transforms)} transforms against two", ratio >= 4)


def _check_equal(brute: list, sides: tuple[MatchInput, MatchInput], transforms: tuple[Transform, ...]) -> None:
    """The matches that the ratio accepts are the same keypoints at the same distance, in both transforms."""
    query, reference = sides
    accepted = 0
    for found, distances, rows, _ in zip(
        brute, *nearest_pair(reference.views[0], query.views[0], 2), transforms, strict=True
    ):
        squared = np.rint(np.array([[a.distance, b.distance] for a, b in found], np.float64) ** 2).astype(np.int64)
        assert np.array_equal(squared, distances)
        good = np.float32(RATIO) * distances[:, 0].astype(np.float32) < distances[:, 1].astype(np.float32)
        places = np.array([a.trainIdx for a, _ in found])
        assert np.array_equal(places[good], rows[good, 0])
        accepted += int(good.sum())
    print(f"\n{accepted} matches accepted before merging, the same by both")


def _features(name: str) -> LocalFeatures:
    """Golden features; synthetic ones where they are missing."""
    if (GOLDEN / f"{name}.npz").is_file():
        with np.load(GOLDEN / f"{name}.npz") as arrays:
            return LocalFeatures(arrays["keypoints"].astype(np.float32), arrays["descriptors"], 0, 0)
    rng = np.random.default_rng(int(name[1:]))  # e02 and p05 are unrelated then
    wide = rng.exponential(1, (600, 128))
    descriptors = np.rint(np.sqrt(wide / wide.sum(1, keepdims=True)) * 255).astype(np.uint8)
    return LocalFeatures(rng.uniform(0, 300, (600, 4)).astype(np.float32), descriptors, 0, 0)


if __name__ == "__main__":
    main()
