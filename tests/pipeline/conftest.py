"""A small set of real photographs with queries whose edits are known, shared by the tests of this package."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from photographs import cut_photograph
from PIL import Image, ImageEnhance


@dataclass(frozen=True)
class SmallSet:
    """`truth`: the reference of each query that has one. `mirrored`: the queries made from a mirrored reference."""

    queries: Path
    references: Path
    background: Path
    truth: dict[str, str]
    mirrored: tuple[str, ...]


_EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "saved_again": lambda image: image,
    "mirror": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "crop": lambda image: image.crop((40, 30, 200, 180)),
    "bright": lambda image: ImageEnhance.Brightness(image).enhance(1.4),
    "turned": lambda image: image.rotate(20, Image.Resampling.BICUBIC),
    "mirror_crop": lambda image: image.crop((20, 20, 210, 190)).transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "smaller": lambda image: image.resize((170, 150)),
    "gray": lambda image: image.convert("L"),
}


@pytest.fixture(scope="session")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> SmallSet:
    """8 references, 8 edited queries, 3 queries of no reference, 3 background images."""
    folder = tmp_path_factory.mktemp("small_set")
    references = [
        *_parts("astronaut.png", [(0, 0), (0, 256), (256, 0), (256, 256)]),
        *_parts("coffee.png", [(0, 60), (160, 330)]),
        *_parts("chelsea.png", [(10, 0), (60, 190)]),
    ]
    others = [
        *_parts("rocket.jpg", [(0, 0), (150, 300)]),
        *_parts("motorcycle_left.png", [(0, 0), (200, 250), (230, 0), (0, 450)]),
    ]
    sets = SmallSet(
        folder / "queries",
        folder / "references",
        folder / "background",
        {name: f"ref{number}" for number, name in enumerate(_EDITS)},
        ("mirror", "mirror_crop"),
    )
    for part in (sets.queries, sets.references, sets.background):
        part.mkdir()
    for number, image in enumerate(references):
        image.save(sets.references / f"ref{number}.png")
    for (name, edit), image in zip(_EDITS.items(), references, strict=True):
        edit(image).save(sets.queries / f"{name}.jpg", quality=85)
    for number, image in enumerate(others):
        image.save(sets.queries / f"other{number}.jpg" if number < 3 else sets.background / f"back{number}.png")
    return sets


def _parts(name: str, corners: list[tuple[int, int]]) -> list[Image.Image]:
    return [cut_photograph(name, top, left) for top, left in corners]


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Every file below a folder, hidden ones too, by its path there."""
    return _contents
