"""Pictures -> boxes of what was pasted in them (a stage) -> the chosen ones, cut out as JPEG files."""

import json
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from imgfp.detection import Box, CropRules, Finder, Found, choose_boxes, cut
from imgfp.errors import InputError
from imgfp.files import atomic_path, hash_value, write_csv, write_json
from imgfp.images import Failure, ImageList, hash_images, read_rgb
from imgfp.pipeline.stages.inputs import claim_images
from imgfp.pipeline.stages.stage import Shard, Stage, StageResult, read_shard, run_stage
from imgfp.progress import advance, track
from imgfp.threads import libraries_single_threaded, thread_count

SHARD_IMAGES = 64
BOX_COLUMNS = ("file", "image_id", "left", "top", "right", "bottom", "confidence")


@dataclass(frozen=True)
class Crop:
    """What is cut out of one picture: the box in its pixels, how sure it is, and the picture's size.

    `name`: of the crop, the picture's id and a number from 1 on, the surest first.
    """

    name: str
    image_id: str
    box: Box
    confidence: float
    width: int
    height: int


def box_stage(images: ImageList, finder: Finder, folder: Path) -> StageResult:
    """Looks for boxes in every picture; keeps all that the finder tells, whichever of them are cut out later."""
    inputs = {"images": claim_images(folder, images)}
    stage = Stage("boxes", folder, {"finder": finder.fingerprint}, inputs, len(images), SHARD_IMAGES)

    def look(path: Path) -> list[object] | Failure:
        image = read_rgb(path)
        advance(1)
        if isinstance(image, Failure):
            return image
        sides = [
            [item.box.left, item.box.top, item.box.right, item.box.bottom, item.confidence] for item in finder(image)
        ]
        return [image.shape[1], image.shape[0], sides]

    def work(number: int, rows: range) -> Shard:
        with libraries_single_threaded(), ThreadPoolExecutor(thread_count()) as pool:
            found = list(pool.map(look, [images.paths[row] for row in rows]))
        boxes = [[images.ids[row], *item] for row, item in zip(rows, found, strict=True) if isinstance(item, list)]
        return Shard({"rows": boxes}, (), tuple(item for item in found if isinstance(item, Failure)))

    return run_stage(stage, work)


def read_crops(folder: Path, rules: CropRules) -> list[Crop]:
    """What the rules choose of the boxes of a finished stage."""
    crops: list[Crop] = []
    number = 0
    while (record := read_shard(folder, number)) is not None:
        for image_id, width, height, sides in record["rows"]:
            found = [Found(Box(*side[:4]), side[4]) for side in sides]
            for place, item in enumerate(choose_boxes(found, width, height, rules), start=1):
                crops.append(Crop(f"{image_id}.{place}", image_id, item.box, item.confidence, width, height))
        number += 1
    return crops


def cut_crops(images: ImageList, crops: Sequence[Crop], margin: float, folder: Path) -> ImageList:
    """Writes each crop as `folder/NAME.jpg` (quality 100), unless it is there; the crops as pictures of their own."""
    targets = {crop.name: folder / f"{crop.name}.jpg" for crop in crops}
    _write(images, crops, margin, targets, lambda path: None)
    return ImageList(folder, tuple(targets), tuple(targets.values()))


def crop_images(images: ImageList, finder: Finder, rules: CropRules, out: Path) -> tuple[StageResult, list[Crop]]:
    """Cuts out what the rules choose; goes on where it was stopped.

    Writes `out/boxes.csv`, and `out/images/`: with rules that add crops, `ID.N.jpg` for each. Otherwise every picture: as its
    crop `ID.jpg` (quality 100), or copied byte for byte under its own name where nothing is cut out of it.

    Raises:
        InputError: `out` holds what other rules, another finder or other pictures gave.
    """
    plan = {"finder": finder.fingerprint, **asdict(rules), "pictures": hash_value(hash_images(images))}
    _refuse_other(out, plan)
    result = box_stage(images, finder, out / "work")
    write_json(out / "crops.json", plan)
    crops = read_crops(out / "work", rules)
    folder = out / "images"
    if rules.added:
        cut_crops(images, crops, rules.margin, folder)
    else:
        broken = {failure.path for failure in result.failures}

        def copy(path: Path) -> None:
            if path not in broken and not (folder / path.name).is_file():
                with atomic_path(folder / path.name) as temporary:
                    shutil.copyfile(path, temporary)

        _write(images, crops, rules.margin, {crop.name: folder / f"{crop.image_id}.jpg" for crop in crops}, copy)
    rows = [
        (crop_file(c, rules), c.image_id, c.box.left, c.box.top, c.box.right, c.box.bottom, c.confidence) for c in crops
    ]
    write_csv(out / "boxes.csv", BOX_COLUMNS, rows)
    return result, crops


def _refuse_other(out: Path, plan: dict[str, object]) -> None:
    path = out / "crops.json"
    try:
        old = dict(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return
    except (ValueError, TypeError):
        raise InputError(f"{path}: damaged: give another output folder, or delete {out}") from None
    for key in sorted(plan.keys() | old.keys()):
        if old.get(key) != plan.get(key):
            what = (
                "from other pictures"
                if key == "pictures"
                else f"with {key} = {old.get(key)!r}, now it is {plan.get(key)!r}"
            )
            raise InputError(f"{out} was made {what}: give another output folder, or delete this one")


def crop_file(crop: Crop, rules: CropRules) -> str:
    """The file of a crop below `images/`."""
    return f"{crop.name if rules.added else crop.image_id}.jpg"


def _write(
    images: ImageList,
    crops: Sequence[Crop],
    margin: float,
    targets: dict[str, Path],
    otherwise: Callable[[Path], None],
) -> None:
    """Each picture is read once for all its crops; `otherwise` gets the path of each that has none."""
    of_image: dict[str, list[Crop]] = {}
    for crop in crops:
        of_image.setdefault(crop.image_id, []).append(crop)

    def write(row: int) -> None:
        own = of_image.get(images.ids[row], [])
        if not own:
            otherwise(images.paths[row])
        missing = [crop for crop in own if not targets[crop.name].is_file()]
        image = read_rgb(images.paths[row]) if missing else None
        if isinstance(image, Failure):  # it could be read when its boxes were looked for
            raise OSError(f"{images.paths[row]}: {image.reason}")
        for crop in missing:
            assert image is not None, "read where a crop is missing"
            with atomic_path(targets[crop.name]) as temporary:
                Image.fromarray(cut(image, crop.box, margin)).save(temporary, "JPEG", quality=100)

    with libraries_single_threaded(), ThreadPoolExecutor(thread_count()) as pool:
        list(track(pool.map(write, range(len(images))), len(images), "writing crops", "images"))
