"""Stage: images -> a store of local features."""

from dataclasses import asdict
from pathlib import Path

from imgfp.images import Failure, ImageList
from imgfp.local.extract import SiftPool
from imgfp.local.features import LocalFeatures
from imgfp.local.sift import SiftConfig
from imgfp.local.store import write_shard
from imgfp.pipeline.inputs import claim_images
from imgfp.pipeline.stage import Shard, Stage, StageResult, run_stage
from imgfp.progress import advance

SHARD_IMAGES = 64


def feature_stage(name: str, images: ImageList, config: SiftConfig, folder: Path) -> StageResult:
    """Extracts local features of every image into a `FeatureStore`; an unreadable image is a named hole."""
    inputs = {"images": claim_images(folder, images)}
    stage = Stage(name, folder, {"sift": asdict(config)}, inputs, len(images), SHARD_IMAGES)
    with SiftPool(config) as pool:

        def work(number: int, rows: range) -> Shard:
            made: list[LocalFeatures] = []
            ids: list[str] = []
            failures: list[Failure] = []
            for row, item in zip(rows, pool.extract([images.paths[row] for row in rows]), strict=True):
                if isinstance(item, Failure):
                    failures.append(item)
                else:
                    made.append(item)
                    ids.append(images.ids[row])
                advance(1)
            arrays, record = write_shard(folder, number, made)
            return Shard({"ids": ids, **record}, arrays, tuple(failures))

        return run_stage(stage, work)
