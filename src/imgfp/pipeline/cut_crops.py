"""Chosen crops as images of their own: JPEG files, or in memory after the same JPEG coding."""

import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from imgfp.detection import cut
from imgfp.files import atomic_path
from imgfp.images import Failure, ImageList, Images, LoadedImages, source_rgb
from imgfp.pipeline.stages.boxes import Crop
from imgfp.progress import track
from imgfp.threads import libraries_single_threaded, thread_count

_QUALITY = 100


def cut_to_files(images: Images, crops: Sequence[Crop], margin: float, folder: Path) -> ImageList:
    """Writes each crop as `folder/NAME.jpg`, unless it is there; the crops as images."""
    targets = {crop.name: folder / f"{crop.name}.jpg" for crop in crops}
    write_crops(images, crops, margin, targets)
    return ImageList(folder, tuple(targets), tuple(targets.values()))


def cut_in_memory(images: Images, crops: Sequence[Crop], margin: float) -> LoadedImages:
    """The same crops, pixel for pixel, without files."""
    found: dict[str, np.ndarray] = {}

    def keep(crop: Crop, pixels: np.ndarray) -> None:
        coded = io.BytesIO()
        Image.fromarray(pixels).save(coded, "JPEG", quality=_QUALITY)
        with Image.open(coded) as image:
            found[crop.name] = np.array(image.convert("RGB"))

    list(_cut_each(images, crops, margin, keep))
    return LoadedImages(tuple(crop.name for crop in crops), tuple(found[crop.name] for crop in crops))


def write_crops(
    images: Images,
    crops: Sequence[Crop],
    margin: float,
    targets: dict[str, Path],
    otherwise: Callable[[Path], None] | None = None,
) -> None:
    """Writes the crops whose target is missing. `otherwise` gets the path of each image that has no crop."""

    def write(crop: Crop, pixels: np.ndarray) -> None:
        with atomic_path(targets[crop.name]) as temporary:
            Image.fromarray(pixels).save(temporary, "JPEG", quality=_QUALITY)

    missing = [crop for crop in crops if not targets[crop.name].is_file()]
    cut_from = len({crop.image_id for crop in missing})
    list(track(_cut_each(images, missing, margin, write), cut_from, "cutting crops"))
    if otherwise is not None:
        cropped = {crop.image_id for crop in crops}
        rest = [
            source
            for image_id, source in zip(images.ids, images.sources, strict=True)
            if image_id not in cropped and isinstance(source, Path)
        ]
        with ThreadPoolExecutor(thread_count()) as pool:
            list(track(pool.map(otherwise, rest), len(rest), "copying images without a crop"))


def _cut_each(
    images: Images, crops: Sequence[Crop], margin: float, keep: Callable[[Crop, np.ndarray], None]
) -> Iterator[None]:
    """Decodes each image once for all its crops; one step per image."""
    of_image: dict[str, list[Crop]] = {}
    for crop in crops:
        of_image.setdefault(crop.image_id, []).append(crop)
    sources = dict(zip(images.ids, images.sources, strict=True))

    def cut_one(image_id: str) -> None:
        image = source_rgb(sources[image_id])
        if isinstance(image, Failure):  # it could be read when its boxes were found
            raise OSError(f"{image.path}: {image.reason}")
        for crop in of_image[image_id]:
            keep(crop, cut(image, crop.box, margin))

    with libraries_single_threaded(), ThreadPoolExecutor(thread_count()) as pool:
        yield from pool.map(cut_one, of_image)
