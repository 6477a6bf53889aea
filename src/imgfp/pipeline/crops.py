"""Pictures -> boxes of what was pasted in them (a stage) -> these, cut out as JPEG files."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from imgfp.detection import Box, CropRules, choose_boxes, cut, find_boxes
from imgfp.files import atomic_path, write_csv
from imgfp.images import Failure, ImageList, read_rgb
from imgfp.pipeline.inputs import claim_images
from imgfp.pipeline.stage import Shard, Stage, StageResult, read_shard, run_stage
from imgfp.progress import advance, track
from imgfp.threads import libraries_single_threaded, thread_count

SHARD_IMAGES = 64
BOX_COLUMNS = ("file", "image_id", "left", "top", "right", "bottom", "confidence")


@dataclass(frozen=True)
class Crop:
    """What was cut out of one picture: `file` below `images/`, the box in the picture's pixels, and how sure it is."""

    file: str
    image_id: str
    box: Box
    confidence: float


def crop_images(images: ImageList, rules: CropRules, out: Path) -> tuple[StageResult, list[Crop]]:
    """Cuts out what the rules choose; goes on where it was stopped.

    Writes `out/boxes.csv`, and `out/images/`: with rules that add crops, `ID.N.jpg` for each, N from 1. Otherwise every picture:
    as its crop `ID.jpg` (quality 100), or copied byte for byte under its own name where nothing is cut out of it.
    """
    result = _box_stage(images, rules, out / "work")
    crops: dict[str, list[Crop]] = {}
    for number in range(-(-len(images) // SHARD_IMAGES)):
        for image_id, place, *box, confidence in (read_shard(out / "work", number) or {"rows": []})["rows"]:
            name = f"{image_id}.{place}.jpg" if rules.added else f"{image_id}.jpg"
            crops.setdefault(image_id, []).append(Crop(name, image_id, Box(*box), confidence))
    broken = {failure.path for failure in result.failures}
    (out / "images").mkdir(parents=True, exist_ok=True)

    def write(row: int) -> None:
        if images.paths[row] not in broken:
            _write(images.paths[row], crops.get(images.ids[row], []), rules, out / "images")

    with libraries_single_threaded(), ThreadPoolExecutor(thread_count()) as pool:
        list(track(pool.map(write, range(len(images))), len(images), "writing crops", "images"))
    found = [crop for image_id in images.ids for crop in crops.get(image_id, [])]
    rows = [(c.file, c.image_id, c.box.left, c.box.top, c.box.right, c.box.bottom, c.confidence) for c in found]
    write_csv(out / "boxes.csv", BOX_COLUMNS, rows)
    return result, found


def _box_stage(images: ImageList, rules: CropRules, folder: Path) -> StageResult:
    inputs = {"images": claim_images(folder, images)}
    settings = {"rules": asdict(rules), "finder": "classical"}
    stage = Stage("boxes", folder, settings, inputs, len(images), SHARD_IMAGES)

    def look(path: Path) -> list[list[float]] | Failure:
        image = read_rgb(path)
        advance(1)
        if isinstance(image, Failure):
            return image
        chosen = choose_boxes(find_boxes(image), image.shape[1], image.shape[0], rules)
        return [[item.box.left, item.box.top, item.box.right, item.box.bottom, item.confidence] for item in chosen]

    def work(number: int, rows: range) -> Shard:
        with libraries_single_threaded(), ThreadPoolExecutor(thread_count()) as pool:
            found = list(pool.map(look, [images.paths[row] for row in rows]))
        boxes = [
            [images.ids[row], place, *box]
            for row, item in zip(rows, found, strict=True)
            if not isinstance(item, Failure)
            for place, box in enumerate(item, start=1)
        ]
        return Shard({"rows": boxes}, (), tuple(item for item in found if isinstance(item, Failure)))

    return run_stage(stage, work)


def _write(path: Path, crops: list[Crop], rules: CropRules, folder: Path) -> None:
    targets = [folder / crop.file for crop in crops] or ([] if rules.added else [folder / path.name])
    if all(target.is_file() for target in targets):
        return
    if not crops:
        with atomic_path(targets[0]) as temporary:
            shutil.copyfile(path, temporary)
        return
    image = read_rgb(path)
    if isinstance(image, Failure):  # it could be read when its boxes were looked for
        raise OSError(f"{path}: {image.reason}")
    for crop, target in zip(crops, targets, strict=True):
        with atomic_path(target) as temporary:
            Image.fromarray(cut(image, crop.box, rules.margin)).save(temporary, "JPEG", quality=100)
