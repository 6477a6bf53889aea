"""A small DISC-style set for `make demo`, cut from the photographs bundled with scikit-image and scikit-learn."""

import importlib.util
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from imgfp.edits import apply_edits, augly_catalogue, catalogue, random_edits
from imgfp.errors import InputError
from imgfp.files import write_csv, write_json
from imgfp.images import Failure, read_rgb

VERSION = 2  # raise it whenever the same seed would give other files
REFERENCES, TRAINING, EDITED, DISTRACTORS = 42, 22, 160, 50
MARKER = "demo_set.json"
INSTALL = 'pip install "imgfp[demo]"'

# Minimum mean gradient magnitude of a part, in grey levels per pixel. Plain sky, walls and the smooth centre of the retina
# are below it: as references they would be matched by chance only.
MIN_GRADIENT = 1.75


@dataclass(frozen=True)
class _Photograph:
    package: str
    path: str
    columns: int
    rows: int
    licence: str

    @property
    def name(self) -> str:
        return f"{self.package}/{Path(self.path).stem}"


# Every photograph in the two packages that is large and sharp enough, and the grid that cuts it into parts of about
# 250 to 350 pixels. Excluded: drawings, charts, patterns and binary images; the right image of the stereo pair (same
# content as the left one); cell and clock_motion (almost featureless), microaneurysms and lfw_subset (tiny).
# Licences as stated in the docstrings of skimage.data and the README of sklearn.datasets.
_CC0, _PUBLIC, _BY = "CC0", "public domain", "CC BY 2.0"
_FREE, _UNSTATED = "no known copyright restrictions", "not stated"
_PHOTOGRAPHS = (
    _Photograph("skimage", "data/astronaut.png", 2, 3, _PUBLIC),
    _Photograph("skimage", "data/brick.png", 2, 3, _CC0),
    _Photograph("skimage", "data/camera.png", 2, 3, _CC0),
    _Photograph("skimage", "data/chelsea.png", 2, 1, _CC0),
    _Photograph("skimage", "data/coffee.png", 2, 2, _CC0),
    _Photograph("skimage", "data/coins.png", 2, 1, _FREE),
    _Photograph("skimage", "data/grass.png", 2, 3, _CC0),
    _Photograph("skimage", "data/gravel.png", 2, 3, _CC0),
    _Photograph("skimage", "data/hubble_deep_field.jpg", 3, 4, _PUBLIC),
    _Photograph("skimage", "data/ihc.png", 2, 3, _FREE),
    _Photograph("skimage", "data/moon.png", 2, 3, _UNSTATED),
    _Photograph("skimage", "data/motorcycle_left.png", 3, 3, _UNSTATED),
    _Photograph("skimage", "data/page.png", 1, 1, _UNSTATED),
    _Photograph("skimage", "data/retina.jpg", 4, 4, _CC0),
    _Photograph("skimage", "data/rocket.jpg", 2, 2, _PUBLIC),
    _Photograph("skimage", "data/text.png", 1, 1, _PUBLIC),
    _Photograph("sklearn", "datasets/images/china.jpg", 2, 2, _BY),
    _Photograph("sklearn", "datasets/images/flower.jpg", 2, 2, _BY),
)

_README = """This folder is a demonstration, not a benchmark. It was made by imgfp (seed {seed}, version {version}) from
the photographs that the Python packages scikit-image and scikit-learn ship; nothing was downloaded.

reference_images/  {references} parts of photographs; no two parts overlap
query_images/      {edited} edited references and {distractors} edited parts that are in no reference (distractors);
                   the photographs pasted under or over some of them are parts used for distractors
training_images/   {training} parts that are in no reference and no query: background set
ground_truth.csv   query_id,reference_id: every query listed, empty for a distractor
transforms.csv     query_id,edits: names of the edits in their order, joined by +
sources.csv        image_id,photograph,box,licence: box is "left top right bottom" in pixels of the photograph

Parts of one photograph resemble each other (bricks, gravel, stars): scores here say that the software works, and
nothing about other pictures. AugLy's edits take part: {augly}.
"""


@dataclass(frozen=True)
class _Part:
    photograph: _Photograph
    box: tuple[int, int, int, int]  # left, top, right, bottom in pixels of the photograph, right and bottom exclusive
    image: np.ndarray

    def row(self, image_id: str) -> list[str]:
        return [image_id, self.photograph.name, " ".join(map(str, self.box)), self.photograph.licence]


def make_demo_set(folder: Path, seed: int = 0) -> None:
    """Writes the demonstration set into `folder`, atomically; the same seed gives the same bytes.

    A complete folder of the same seed, version and edits (with or without AugLy) is reused; another demonstration set is
    replaced.

    Raises:
        InputError: scikit-image or scikit-learn is missing, or `folder` contains other files.
    """
    augly = bool(augly_catalogue())
    marker = {
        "seed": seed,
        "version": VERSION,
        "augly": augly,
        "references": REFERENCES,
        "training": TRAINING,
        "edited": EDITED,
        "distractors": DISTRACTORS,
    }
    if _is_complete(folder, marker):
        return
    if folder.exists() and not (folder / MARKER).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: exists and is not a demonstration set: give a new or an empty folder")
    temporary = folder.with_name(f".{folder.name}.tmp")
    old = folder.with_name(f".{folder.name}.old")
    for leftover in (temporary, old):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        _write(temporary, seed)
        readme = _README.format(**{**marker, "augly": "yes" if augly else "no"})
        (temporary / "README.txt").write_text(readme, encoding="utf-8")
        write_json(temporary / MARKER, marker)
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def _is_complete(folder: Path, marker: dict[str, int]) -> bool:
    try:
        if json.loads((folder / MARKER).read_text(encoding="utf-8")) != marker:
            return False
    except (OSError, ValueError):
        return False
    counts = {"reference": REFERENCES, "training": TRAINING, "query": EDITED + DISTRACTORS}
    return all(len(list((folder / f"{part}_images").glob("*.jpg"))) == count for part, count in counts.items())


def _write(folder: Path, seed: int) -> None:
    parts = _parts()
    rng = np.random.default_rng(seed)
    shuffled = [parts[place] for place in rng.permutation(len(parts))]
    references, training = shuffled[:REFERENCES], shuffled[REFERENCES : REFERENCES + TRAINING]
    others = shuffled[REFERENCES + TRAINING :]  # for distractors, backgrounds and overlays
    pool = [part.image for part in others]
    edits = catalogue(pool) | augly_catalogue(pool)

    sources = [part.row(f"R{number:06d}") for number, part in enumerate(references)]
    sources += [part.row(f"T{number:06d}") for number, part in enumerate(training)]
    _write_images(folder / "reference_images", "R{:06d}.jpg", [part.image for part in references])
    _write_images(folder / "training_images", "T{:06d}.jpg", [part.image for part in training])

    wanted: list[tuple[_Part, str]] = [(references[k % REFERENCES], f"R{k % REFERENCES:06d}") for k in range(EDITED)]
    wanted += [(others[k % len(others)], "") for k in range(DISTRACTORS)]
    wanted = [wanted[place] for place in rng.permutation(len(wanted))]
    truth, transforms, queries = [], [], []
    for number, (part, reference_id) in enumerate(wanted):
        query_id = f"Q{number:05d}"
        own = np.random.default_rng([seed, number])  # independent of the queries before
        names = random_edits(own, edits, 1, 3)
        queries.append(apply_edits(part.image, names, edits, own).image)
        truth.append([query_id, reference_id])
        transforms.append([query_id, "+".join(names)])
        sources.append(part.row(query_id))
    _write_images(folder / "query_images", "Q{:05d}.jpg", queries)
    write_csv(folder / "ground_truth.csv", ["query_id", "reference_id"], truth)
    write_csv(folder / "transforms.csv", ["query_id", "edits"], transforms)
    write_csv(folder / "sources.csv", ["image_id", "photograph", "box", "licence"], sources)


def _parts() -> list[_Part]:
    """All parts with sufficient texture, in a fixed order."""
    parts = []
    for photograph in _PHOTOGRAPHS:
        image = _read(photograph)
        height, width = image.shape[:2]
        for row in range(photograph.rows):
            top, bottom = (edge * height // photograph.rows for edge in (row, row + 1))
            for column in range(photograph.columns):
                left, right = (edge * width // photograph.columns for edge in (column, column + 1))
                part = np.ascontiguousarray(image[top:bottom, left:right])
                if _mean_gradient(part) >= MIN_GRADIENT:
                    parts.append(_Part(photograph, (left, top, right, bottom), part))
    return parts


def _mean_gradient(image: np.ndarray) -> float:
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    across, down = cv2.Sobel(gray, -1, 1, 0) / 8, cv2.Sobel(gray, -1, 0, 1) / 8
    return float(np.hypot(across, down).mean())


def _read(photograph: _Photograph) -> np.ndarray:
    spec = importlib.util.find_spec(photograph.package)  # locates the package without importing it
    if spec is None or spec.origin is None:
        distribution = {"skimage": "scikit-image", "sklearn": "scikit-learn"}[photograph.package]
        raise InputError(f"{distribution} is not installed, but the demonstration set uses its photographs: {INSTALL}")
    image = read_rgb(Path(spec.origin).parent / photograph.path)
    if isinstance(image, Failure):
        raise InputError(f"{image.path}: {image.reason}: reinstall the package: {INSTALL}")
    return image


def _write_images(folder: Path, name: str, images: Sequence[np.ndarray]) -> None:
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / name.format(number), "JPEG", quality=90)
