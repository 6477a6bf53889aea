"""Stage: images -> a store of local features."""

from dataclasses import asdict
from pathlib import Path

from imgfp.files import hash_value
from imgfp.images import Failure, ImageList
from imgfp.local.extract import SiftPool
from imgfp.local.features import LocalFeatures
from imgfp.local.sift import SiftConfig
from imgfp.local.store import write_shard
from imgfp.pipeline.stage import Shard, Stage, StageResult, run_stage

SHARD_IMAGES = 64


def identify_images(images: ImageList) -> dict[str, object]:
    """What a stage remembers of its images: how many, and a hash of ids, names and sizes in bytes."""
    rows = [
        [image_id, path.relative_to(images.root).as_posix(), path.stat().st_size if path.is_file() else -1]
        for image_id, path in zip(images.ids, images.paths, strict=True)
    ]
    return {"count": len(images), "sha256": hash_value(rows)}


def feature_stage(name: str, images: ImageList, config: SiftConfig, folder: Path) -> StageResult:
    """Extracts local features of every image into a `FeatureStore`; an unreadable image is a named hole."""
    stage = Stage(
        name, folder, {"sift": asdict(config)}, {"images": identify_images(images)}, len(images), SHARD_IMAGES
    )
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
            arrays, record = write_shard(folder, number, made)
            return Shard({"ids": ids, **record}, arrays, tuple(failures))

        return run_stage(stage, work)
