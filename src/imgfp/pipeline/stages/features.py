"""Stage: images -> local features."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from imgfp.images import Failure, ImageList, Images, source_rgb
from imgfp.local.features import LocalFeatures
from imgfp.local.sift.extract import SiftPool
from imgfp.local.sift.extractor_check import usable_extractor
from imgfp.local.sift.sift import SiftConfig
from imgfp.local.sift.views import ONE_VIEW, ViewsConfig, extract_views
from imgfp.local.store import LoadedFeatures, pack_features
from imgfp.pipeline.stages.inputs import image_inputs
from imgfp.pipeline.stages.shard import Shard
from imgfp.pipeline.stages.stage import MakeShard, Stage, StageResult, Work, run_stage
from imgfp.progress import advance, announce
from imgfp.threads import libraries_single_threaded, thread_count

SHARD_IMAGES = 64


def usable_sift(config: SiftConfig) -> SiftConfig:
    """The settings as they can be run here: what is recorded must be what was used. Announces a replaced extractor."""
    usable, fault = usable_extractor(config)
    if fault is not None:
        announce(f"the compiled SIFT extractor cannot be used here, falling back to pycolmap: {fault}")
    return usable


@dataclass(frozen=True)
class ExtractWork(Work):
    """Features of each image, extracted in worker processes."""

    name: str
    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    sift: SiftConfig
    views: ViewsConfig

    @contextmanager
    def opened(self) -> Iterator[MakeShard]:
        """Starts the worker processes."""
        way = "compiled SIFT (checked against pycolmap)" if self.sift.extractor == "compiled" else "pycolmap SIFT"
        announce(f"{self.name}: {way}")
        with SiftPool(self.sift, views=self.views) as pool:

            def make(number: int, rows: range) -> Shard:
                extracted = []
                for item in pool.extract([self.paths[row] for row in rows]):
                    extracted.append(item)
                    advance(1)
                found = {row: item for row, item in zip(rows, extracted, strict=True) if not isinstance(item, Failure)}
                arrays, record = pack_features(list(found.values()))
                failures = tuple(item for item in extracted if isinstance(item, Failure))
                return Shard({"ids": [self.ids[row] for row in found], **record}, arrays, failures=failures)

            yield make


def feature_stage(
    name: str, images: ImageList, config: SiftConfig, folder: Path, views: ViewsConfig = ONE_VIEW
) -> StageResult:
    """Extracts local features of every image into a `FeatureStore`; an unreadable image is a named failure."""
    config = usable_sift(config)
    inputs = image_inputs(folder, images)
    stage = Stage(name, folder, {"sift": asdict(config), "views": asdict(views)}, inputs, len(images), SHARD_IMAGES)
    return run_stage(stage, ExtractWork(name, images.ids, images.paths, config, views))


def loaded_features(images: Images, config: SiftConfig, views: ViewsConfig) -> tuple[LoadedFeatures, list[Failure]]:
    """The same features in memory, extracted in threads of this process, and the images that cannot be read."""

    def extract(source: Path | np.ndarray) -> LocalFeatures | Failure:
        rgb = source_rgb(source)
        return rgb if isinstance(rgb, Failure) else extract_views(rgb, config, views)

    with libraries_single_threaded(), ThreadPoolExecutor(thread_count()) as pool:
        found = list(pool.map(extract, images.sources))
    kept = {image_id: item for image_id, item in zip(images.ids, found, strict=True) if not isinstance(item, Failure)}
    return LoadedFeatures(tuple(kept), tuple(kept.values())), [item for item in found if isinstance(item, Failure)]
