"""imgFp's step 1, `imgfp crop`: the crops of a folder of images, with the list of their boxes."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from imgfp.detection import CropRules, Finder
from imgfp.files import atomic_path, hash_value, write_csv
from imgfp.images import ImageList, hash_images
from imgfp.pipeline.cut_crops import cut_to_files, write_crops
from imgfp.pipeline.stages.boxes import Crop, box_stage, choose_crops
from imgfp.pipeline.stages.plan import claim_folder
from imgfp.pipeline.stages.stage import StageResult

BOX_COLUMNS = ("file", "image_id", "left", "top", "right", "bottom", "confidence")


def crop_images(images: ImageList, finder: Finder, rules: CropRules, out: Path) -> tuple[StageResult, list[Crop]]:
    """Cuts out what the rules choose; resumes after an interruption.

    Writes `out/boxes.csv` and `out/images/`: with rules that add crops, `ID.N.jpg` for each. Otherwise every image: as its
    crop `ID.jpg` (quality 100), or copied byte for byte under its own name where nothing is cut out of it.

    Raises:
        InputError: `out` holds the result of other rules, a different detector or other images.
    """
    plan = {"finder": finder.fingerprint, **asdict(rules), "images": hash_value(hash_images(images))}
    result = box_stage(images, finder, out / "work")
    claim_folder(out, plan, "crops.json")
    crops = choose_crops(result.records(), rules)
    folder = out / "images"
    if rules.added:
        cut_to_files(images, crops, rules.margin, folder)
    else:
        _cut_or_copy(images, crops, rules.margin, folder, {failure.path for failure in result.failures})
    rows = [
        (crop_file(c, rules), c.image_id, c.box.left, c.box.top, c.box.right, c.box.bottom, c.confidence) for c in crops
    ]
    write_csv(out / "boxes.csv", BOX_COLUMNS, rows)
    return result, crops


def crop_file(crop: Crop, rules: CropRules) -> str:
    """The file of a crop below `images/`."""
    return f"{crop.name if rules.added else crop.image_id}.jpg"


def _cut_or_copy(images: ImageList, crops: Sequence[Crop], margin: float, folder: Path, broken: set[Path]) -> None:
    def copy(path: Path) -> None:
        if path not in broken and not (folder / path.name).is_file():
            with atomic_path(folder / path.name) as temporary:
                shutil.copyfile(path, temporary)

    write_crops(images, crops, margin, {crop.name: folder / f"{crop.image_id}.jpg" for crop in crops}, copy)
