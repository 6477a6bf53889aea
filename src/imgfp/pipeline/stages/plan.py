"""What a stage's folder was made from: `plan.json`. The same plan is reused, a different one is refused with the key that differs."""

import json
from pathlib import Path
from typing import Any

from imgfp.errors import InputError
from imgfp.files import write_json
from imgfp.renamed_keys import old_settings


def claim_folder(folder: Path, plan: dict[str, Any], name: str = "plan.json") -> None:
    """Writes the plan into a new folder, or compares it with the one that is there. `name`: of its file.

    Raises:
        InputError: the folder was made from a different plan; the message names the first key that differs.
    """
    if not (folder / name).is_file():
        write_json(folder / name, plan)
        return
    old = read_plan(folder, name)
    if renamed := next(old_settings(old.get("settings", {})), None):
        raise InputError(
            f"{folder} was made by an earlier version ({renamed}): give another output folder, or delete this one"
        )
    if key := _first_difference(old, plan):
        before, now = (_at(value, key) for value in (old, plan))
        raise InputError(
            f"{folder} was made with {key} = {before!r}, now it is {now!r}: give another output folder, or delete this one"
        )


def read_plan(folder: Path, name: str = "plan.json") -> dict[str, Any]:
    """The plan of a stage's folder.

    Raises:
        InputError: it is damaged.
    """
    path = folder / name
    try:
        plan = json.loads(path.read_bytes())
        if not isinstance(plan, dict):
            raise ValueError
    except ValueError:
        raise InputError(f"{path}: damaged: delete {folder} and run again") from None
    return plan


def _first_difference(old: Any, new: Any, at: str = "") -> str | None:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            found = _first_difference(old.get(key), new.get(key), f"{at}.{key}" if at else key)
            if found:
                return found
        return None
    return None if old == new else at


def _at(value: Any, dotted: str) -> Any:
    for key in dotted.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value
