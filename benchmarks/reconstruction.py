"""Reconstructions from all pairs and from the pairs of `imgfp pairs`, both by pycolmap; grow, knn and trees side by side.

    python benchmarks/reconstruction.py [--root FOLDER] [--work FOLDER] [SCENE ...]

The root holds SCENE/images/; every scene with 25 photographs or more unless some are named. With --work, a scene's figures are
kept there as SCENE.json and not measured again, so an interrupted run continues.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # also as `python benchmarks/NAME.py`

from benchmarks._side_by_side import keep, need
from imgfp.images import ImageList, file_size
from imgfp.local.store import FeatureStore
from imgfp.mirror.describe import RegionsConfig
from imgfp.mirror.select import Candidates, GrowConfig, grow, knn, trees
from imgfp.mirror.view_graph import component_labels
from imgfp.pipeline.pairs.colmap_database import write_database
from imgfp.pipeline.pairs.guided import guided_pairs
from imgfp.pipeline.pairs.keypoints import KeypointConfig
from imgfp.pipeline.pairs.rank import candidate_pairs
from imgfp.pipeline.pairs.stages import keypoint_stage
from imgfp.pipeline.pairs.verify import TwoView, VerifyConfig, verify_pairs
from imgfp.pipeline.stages.regions import region_shards, region_stage

SCENES = Path(__file__).resolve().parents[2] / "shared" / "data" / "scenes"
SMALLEST = 25  # photographs; in smaller sets all pairs are tested in seconds
Pair = tuple[int, int]


@dataclass(frozen=True)
class Mapped:
    """One reconstruction: its largest model."""

    registered: frozenset[str]
    points: int
    error: float
    seconds: float


class Scene:
    """The features of one scene, and what verification found of its pairs."""

    def __init__(self, folder: Path, work: Path) -> None:
        images = ImageList.from_folder(folder)
        self.root, self.names = images.root, tuple(path.name for path in images.paths)
        started = time.perf_counter()
        region_stage("regions", images, RegionsConfig(), work / "regions")
        self.network_seconds = time.perf_counter() - started
        started = time.perf_counter()
        keypoint_stage(images, KeypointConfig(), work / "keypoints")
        self.keypoint_seconds = time.perf_counter() - started
        self.features = FeatureStore(work / "keypoints")
        assert self.features.ids == images.ids, "every photograph can be read"
        self.candidates = candidate_pairs(region_shards(work / "regions"), images.ids, len(images), False, None)
        sizes = {(size.width, size.height) for path in images.paths if (size := file_size(path)) is not None}
        self.camera = "single" if len(sizes) == 1 else "per-image"  # as the scenes' own models
        self.work = work
        verify_pairs(self.features, [(0, 1)])  # compiled once

    def verify(self, pairs: list[Pair]) -> tuple[dict[Pair, TwoView], float]:
        """The geometry of each pair, and the processor seconds it took."""
        started = time.process_time()
        found = dict(zip(pairs, verify_pairs(self.features, pairs), strict=True))
        return found, time.process_time() - started

    def guide(self, found: dict[Pair, TwoView]) -> tuple[dict[Pair, TwoView], float]:
        """The verified pairs among `found` with the matches that `imgfp pairs --colmap` writes, and the processor seconds."""
        verified = [(pair, item) for pair, item in found.items() if item.inliers >= VerifyConfig().min_inliers]
        list(guided_pairs(self.features, verified[:1], 1))  # compiled once
        started = time.process_time()
        guided = dict(guided_pairs(self.features, verified, len(verified)))
        return guided, time.process_time() - started

    def map(self, found: dict[Pair, TwoView], seed: int) -> Mapped:
        """Reconstructs from the verified pairs among `found`."""
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            database = Path(folder) / "database.db"
            verified = [(pair, item) for pair, item in found.items() if item.inliers >= VerifyConfig().min_inliers]
            write_database(database, self.root, self.names, self.features, verified, self.camera)
            options = pycolmap.IncrementalPipelineOptions(random_seed=seed)
            started = time.process_time()
            models = pycolmap.incremental_mapping(database, self.root, folder, options)
            seconds = time.process_time() - started
        if not models:
            return Mapped(frozenset(), 0, float("nan"), seconds)
        best = max(models.values(), key=lambda model: model.num_reg_images())
        registered = frozenset(best.images[image_id].name for image_id in best.reg_image_ids())
        return Mapped(registered, best.num_points3D(), best.compute_mean_reprojection_error(), seconds)

    def grown(self) -> tuple[dict[Pair, TwoView], float]:
        """The pairs that `grow` tests, with what was found, and the processor seconds of verification."""
        found: dict[Pair, TwoView] = {}
        spent = 0.0

        def verifier(pairs: Iterable[Pair]) -> list[int]:
            nonlocal spent
            more, seconds = self.verify(list(pairs))
            found.update(more)
            spent += seconds
            return [item.inliers for item in more.values()]

        grow(self.candidates, verifier, GrowConfig())
        return found, spent


def in_largest(count: int, found: dict[Pair, TwoView], tested: Iterable[Pair]) -> int:
    """Photographs in the largest component of the verified pairs among those tested."""
    least = VerifyConfig().min_inliers
    edges = np.array([pair for pair in tested if found[pair].inliers >= least], np.int64).reshape(-1, 2)
    return int(np.bincount(component_labels(count, edges)).max())


def same_number(choose: object, candidates: Candidates, wanted: int) -> list[Pair]:
    """The pairs of knn or trees at the smallest `top` that gives as many pairs, cut to that number."""
    assert callable(choose)
    top = next(top for top in range(2, 2 * candidates.count) if len(choose(candidates, top)) >= wanted)
    return [(int(a), int(b)) for a, b in candidates.pairs[choose(candidates, top, wanted)]]


def main() -> None:
    """Prints a row per scene and way, and the totals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=SCENES)
    parser.add_argument("--work", type=Path)
    parser.add_argument("scenes", nargs="*", metavar="SCENE")
    given = parser.parse_args()
    large = [path.parent.name for path in given.root.glob("*/images") if len(list(path.iterdir())) >= SMALLEST]
    scenes = given.scenes or sorted(large)
    pycolmap.logging.minloglevel = 2
    total = dict.fromkeys(
        ("photographs", "all_pairs", "pairs", "all_s", "s", "knn_s", "trees_s", "grow", "knn", "trees"), 0.0
    )
    lost: list[str] = []
    for name in scenes:
        stored = given.work / f"{name}.json" if given.work else None
        if stored and stored.is_file():
            row = json.loads(stored.read_text())
        else:
            with tempfile.TemporaryDirectory() as work:
                row = measure(Scene(given.root / name / "images", Path(work)))
            if stored:
                stored.parent.mkdir(parents=True, exist_ok=True)
                stored.write_text(json.dumps(row))
        lost += [f"{name}/{image}" for image in row.pop("lost")]
        keep({"scene": name, **row})
        show(name, row)
        for key in total:
            total[key] += row[key]
    pairs, seconds = total["pairs"] / total["all_pairs"], total["s"] / total["all_s"]
    print(
        f"\nall: {len(scenes)} scenes, {total['photographs']:.0f} photographs; in the largest component of the verified"
    )
    print(
        f"pairs: grow {total['grow']:.0f}, knn {total['knn']:.0f}, trees {total['trees']:.0f}; seconds of verification of"
    )
    print(f"as many pairs: grow {total['s']:.1f}, knn {total['knn_s']:.1f}, trees {total['trees_s']:.1f}")
    need(f"pairs tested {pairs:.1%} of exhaustive: at most 25 %", pairs <= 0.25)
    need(f"verification {seconds:.1%} of the processor seconds of exhaustive: at most 35 %", seconds <= 0.35)
    need(f"not in both runs of ours, of those in both of all pairs: {', '.join(lost) or 'none'}", not lost)


def measure(scene: Scene) -> dict[str, Any]:
    """All figures of one scene."""
    count = len(scene.names)
    everything, all_seconds = scene.verify([(a, b) for a in range(count) for b in range(a + 1, count)])
    found, seconds = scene.grown()
    guided, guided_seconds = scene.guide(found)
    others = {choose.__name__: same_number(choose, scene.candidates, len(found)) for choose in (knn, trees)}
    runs = [scene.map(everything, seed) for seed in (1, 2)]
    ours = [scene.map(guided, seed) for seed in (1, 2)]
    return {
        "photographs": count,
        "network_s": scene.network_seconds,
        "keypoints_s": scene.keypoint_seconds,
        "all_pairs": len(everything),
        "pairs": len(found),
        "all_s": all_seconds,
        "s": seconds + guided_seconds,
        "grow": in_largest(count, found, found),
        **{name: in_largest(count, everything, tested) for name, tested in others.items()},
        **{f"{name}_s": scene.verify(tested)[1] for name, tested in others.items()},
        "runs": [asdict(run) | {"registered": len(run.registered)} for run in (*runs, *ours)],
        "lost": sorted((runs[0].registered & runs[1].registered) - (ours[0].registered & ours[1].registered)),
    }


def show(name: str, row: dict[str, Any]) -> None:
    """Prints one scene."""
    print(
        f"\n{name}: {row['photographs']} photographs; network {row['network_s']:.1f} s, keypoints {row['keypoints_s']:.1f} s; in the "
        f"largest component at {row['pairs']} pairs: grow {row['grow']}, knn {row['knn']} (verified in {row['knn_s']:.1f} s), "
        f"trees {row['trees']} ({row['trees_s']:.1f} s)"
    )
    print(f"{'':<14}{'pairs':>7}{'verify s':>10}{'registered':>12}{'points':>9}{'error px':>10}{'map s':>8}")
    ways = (
        ("all pairs", "all_pairs", "all_s"),
        ("again", "all_pairs", "all_s"),
        ("imgfp pairs", "pairs", "s"),
        ("again", "pairs", "s"),
    )
    for (way, pairs, seconds), run in zip(ways, row["runs"], strict=True):
        print(
            f"{way:<14}{row[pairs]:>7}{row[seconds]:>10.1f}{run['registered']:>12}{run['points']:>9}{run['error']:>10.3f}"
            f"{run['seconds']:>8.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
