"""What a stage remembers of its pictures: their ids and a hash of their bytes."""

import json
from collections.abc import Sequence
from pathlib import Path

from imgfp.errors import InputError
from imgfp.files import hash_value, write_json
from imgfp.images import ImageList, hash_images


def claim_images(folder: Path, images: ImageList) -> dict[str, object]:
    """The inputs entry of a stage on `images`: their number, and a hash over ids and bytes.

    `folder/images.json` keeps the list, so that a stage on other pictures can be refused with the name of the first.

    Raises:
        InputError: the folder was made from other pictures.
    """
    rows = hash_images(images)
    path = folder / "images.json"
    old = _read(path)
    if old is not None and old != rows:
        raise InputError(
            f"{folder} was made from other pictures (the first that differs: {_first_difference(old, rows)}): "
            "give another output folder, or delete this one"
        )
    if old is None:
        write_json(path, rows)
    return {"count": len(rows), "sha256": hash_value(rows)}


def _read(path: Path) -> list[list[str]] | None:
    try:
        rows = json.loads(path.read_bytes())
    except (OSError, ValueError):  # not there, or damaged: the plan's hash still tells other pictures
        return None
    whole = isinstance(rows, list) and all(isinstance(row, list) and len(row) == 2 for row in rows)
    return rows if whole else None


def _first_difference(old: Sequence[list[str]], new: Sequence[list[str]]) -> str:
    before, now = ({row[0]: row[1:] for row in rows} for rows in (old, new))
    names = [name for name in before.keys() | now.keys() if before.get(name) != now.get(name)]
    if not names:
        return "their order"
    name = min(names)
    return f"{name}, {'new' if name not in before else 'gone' if name not in now else 'changed'}"
