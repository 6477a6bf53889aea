"""What a stage remembers of its images: their ids and a hash of their bytes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imgfp.errors import InputError
from imgfp.files import hash_value, write_json
from imgfp.images import ImageList, Images, hash_images


def image_inputs(folder: Path | None, images: Images) -> dict[str, Any]:
    """The inputs of a stage on images; nothing is remembered of one that keeps its result in memory."""
    if folder is None:
        return {}
    assert isinstance(images, ImageList), "a stored stage reads files"
    return {"images": claim_images(folder, images)}


def claim_images(
    folder: Path, images: ImageList, remedy: str = "give another output folder, or delete this one"
) -> dict[str, object]:
    """The inputs entry of a stage on `images`: their number, and a hash over ids and bytes.

    `folder/images.json` keeps the list, so that a stage on other images can be refused with the name of the first.
    `remedy`: how the message of the refusal ends.

    Raises:
        InputError: the folder was made from other images.
    """
    rows = hash_images(images)
    path = folder / "images.json"
    old = _read(path)
    if old is not None and old != rows:
        raise InputError(
            f"{folder} was made from other images (the first that differs: {_first_difference(old, rows)}): {remedy}"
        )
    if old is None:
        write_json(path, rows)
    return {"count": len(rows), "sha256": hash_value(rows)}


def _read(path: Path) -> list[list[str]] | None:
    try:
        rows = json.loads(path.read_bytes())
    except (OSError, ValueError):  # missing or damaged: the plan's hash still detects other images
        return None
    complete = isinstance(rows, list) and all(isinstance(row, list) and len(row) == 2 for row in rows)
    return rows if complete else None


def _first_difference(old: Sequence[list[str]], new: Sequence[list[str]]) -> str:
    before, now = ({row[0]: row[1:] for row in rows} for rows in (old, new))
    names = [name for name in before.keys() | now.keys() if before.get(name) != now.get(name)]
    if not names:
        return "their order"
    name = min(names)
    return f"{name}, {'new' if name not in before else 'removed' if name not in now else 'changed'}"
