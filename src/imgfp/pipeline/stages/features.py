"""Stage: images -> a store of local features."""

from dataclasses import asdict, replace
from pathlib import Path

from imgfp.images import Failure, ImageList
from imgfp.local.features import LocalFeatures
from imgfp.local.sift.extract import SiftPool
from imgfp.local.sift.extractor_check import usable_extractor
from imgfp.local.sift.sift import SiftConfig
from imgfp.local.sift.views import ONE_VIEW, ViewsConfig
from imgfp.local.store import write_shard
from imgfp.pipeline.presets import Preset, needs_features
from imgfp.pipeline.stages.inputs import claim_images
from imgfp.pipeline.stages.stage import Shard, Stage, StageResult, run_stage
from imgfp.progress import advance, announce

SHARD_IMAGES = 64


def with_usable_extractor(preset: Preset, branches: tuple[str, ...]) -> Preset:
    """The preset as it can be run here: what it states must be what was used. Says so where that is not what was asked."""
    if not needs_features(preset, branches):
        return preset
    return replace(preset, sift=_usable(preset.sift))


def _usable(config: SiftConfig) -> SiftConfig:
    usable, fault = usable_extractor(config)
    if fault is not None:
        announce(f"compiled SIFT cannot be used here, pycolmap's takes its place: {fault}")
    return usable


def feature_stage(
    name: str, images: ImageList, config: SiftConfig, folder: Path, views: ViewsConfig = ONE_VIEW
) -> StageResult:
    """Extracts local features of every image into a `FeatureStore`; an unreadable image is a named hole."""
    config = _usable(config)
    path = "compiled SIFT (checked against pycolmap)" if config.extractor == "compiled" else "pycolmap SIFT"
    inputs = {"images": claim_images(folder, images)}
    stage = Stage(name, folder, {"sift": asdict(config), "views": asdict(views)}, inputs, len(images), SHARD_IMAGES)
    said = False
    with SiftPool(config, views=views) as pool:

        def work(number: int, rows: range) -> Shard:
            nonlocal said
            if not said:  # not before: where all is reused nothing is extracted
                announce(f"{name}: {path}")
                said = True
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
