"""Stage: images -> boxes of what was pasted into them -> the crops that the rules choose of these boxes."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgfp.detection import Box, CropRules, Detection, Finder, choose_boxes
from imgfp.images import Failure, Images, Source, source_rgb
from imgfp.pipeline.stages.inputs import image_inputs
from imgfp.pipeline.stages.shard import Shard
from imgfp.pipeline.stages.stage import Stage, StageResult, Work, run_stage
from imgfp.progress import advance
from imgfp.threads import libraries_single_threaded, thread_count

SHARD_IMAGES = 64


@dataclass(frozen=True)
class Crop:
    """What is cut out of one image: the box in its pixels, how sure it is, and the image's size.

    `name`: of the crop, the image's id and a number from 1 on, the most confident first.
    """

    name: str
    image_id: str
    box: Box
    confidence: float
    width: int
    height: int


@dataclass(frozen=True)
class BoxWork(Work):
    """The boxes that a detector finds in each image."""

    ids: tuple[str, ...]
    sources: tuple[Source, ...]
    finder: Finder

    def shard(self, number: int, rows: range) -> Shard:
        """See `Work`."""
        with libraries_single_threaded(), ThreadPoolExecutor(thread_count()) as pool:
            found = list(pool.map(self._find, [self.sources[row] for row in rows]))
        boxes = [[self.ids[row], *item] for row, item in zip(rows, found, strict=True) if isinstance(item, list)]
        return Shard({"rows": boxes}, failures=tuple(item for item in found if isinstance(item, Failure)))

    def _find(self, source: Source) -> list[object] | Failure:
        image = source_rgb(source)
        advance(1)
        if isinstance(image, Failure):
            return image
        sides = [
            [item.box.left, item.box.top, item.box.right, item.box.bottom, item.confidence]
            for item in self.finder(image)
        ]
        return [image.shape[1], image.shape[0], sides]


def box_stage(images: Images, finder: Finder, folder: Path | None) -> StageResult:
    """Finds the boxes in every image; keeps all that the detector reports, whichever of them are cut out later."""
    stage = Stage(
        "boxes",
        folder,
        {"finder": finder.fingerprint},
        image_inputs(folder, images),
        len(images),
        SHARD_IMAGES,
    )
    return run_stage(stage, BoxWork(images.ids, images.sources, finder))


def choose_crops(records: Iterable[dict[str, Any]], rules: CropRules) -> list[Crop]:
    """What the rules choose of the boxes that a stage has recorded."""
    crops: list[Crop] = []
    for record in records:
        for image_id, width, height, sides in record["rows"]:
            found = [Detection(Box(*side[:4]), side[4]) for side in sides]
            for place, item in enumerate(choose_boxes(found, width, height, rules), start=1):
                crops.append(Crop(f"{image_id}.{place}", image_id, item.box, item.confidence, width, height))
    return crops
