"""A training set for a detector: scenes as JPEG files beside YOLO label files, from any photographs."""

import csv
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from imgfp.detection.box import Box, from_yolo, to_yolo
from imgfp.detection.scenes import Scenes, draw_kind
from imgfp.edits import augly_catalogue
from imgfp.errors import InputError
from imgfp.files import atomic_path, hash_value, read_lines, write_bytes, write_csv, write_json
from imgfp.images import Failure, ImageList, PhotographPool
from imgfp.progress import track
from imgfp.threads import thread_count

VERSION = 4  # raise it whenever the same seed would give other files
SPLITS = ("train", "val")


@dataclass(frozen=True)
class SynthesisConfig:
    """What is made.

    Attributes:
        size: Scenes to learn from.
        held_out: Scenes to judge by, of photographs that no scene to learn from shows.
        longest: Longer side of a scene in pixels, at most; best not more than the photographs have.
        seed: The same seed and photographs give the same bytes.
    """

    size: int = 20_000
    held_out: int = 1000
    longest: int = 256
    seed: int = 0


def describe_scenes(config: SynthesisConfig) -> dict[str, object]:
    """What decides which scenes are made of some photographs, as plain JSON values."""
    return {"version": VERSION, "augly": bool(augly_catalogue()), **asdict(config)}


def make_scenes(photographs: ImageList, folder: Path, config: SynthesisConfig) -> list[Failure]:
    """Writes `images/SPLIT/N.jpg`, `labels/SPLIT/N.txt` and, last, `scenes.csv`; goes on where it was stopped.

    One photograph in ten is kept for the held-out scenes. The photographs that could not be read are returned; the next one
    takes the place of each.

    Raises:
        InputError: too few photographs, sizes below 1, or `folder` holds something else.
    """
    if min(config.size, config.held_out, config.longest - 63) < 1:
        raise InputError(
            f"size={config.size}, held_out={config.held_out}, longest={config.longest}: give 1 or more, and 64 or more pixels"
        )
    if len(photographs) < 4:
        raise InputError(f"{photographs.root}: {len(photographs)} photographs: scenes need 4 or more, 2 to a split")
    _claim(folder, {**describe_scenes(config), "photographs": hash_value(list(photographs.ids))})
    if (folder / "scenes.csv").is_file():
        return _unreadable(folder)
    order = np.random.default_rng(config.seed).permutation(len(photographs))
    kept = max(2, len(photographs) // 10)
    pools = {"val": order[:kept], "train": order[kept:]}
    rows = []
    paths = {split: [str(photographs.paths[row]) for row in sorted(rows.tolist())] for split, rows in pools.items()}
    with ProcessPoolExecutor(thread_count(), get_context("spawn"), _start, (paths, config.longest)) as workers:
        for split, count in zip(SPLITS, (config.size, config.held_out), strict=True):
            made = workers.map(_make, [(folder, split, number, config.seed) for number in range(count)], chunksize=8)
            rows += list(track(made, count, f"making scenes ({split})", "scenes"))
    write_csv(folder / "scenes.csv", ["split", "scene", "kind", "boxes"], rows)
    return _unreadable(folder)


def read_labels(folder: Path, split: str) -> list[tuple[Path, tuple[Box, ...]]]:
    """Each scene's picture and boxes, in pixels, in the order of their numbers.

    Raises:
        InputError: not made by `make_scenes`, or a label file is missing or damaged.
    """
    lines = read_lines(folder / "scenes.csv", "what make_scenes wrote")
    found = []
    for row in csv.DictReader(lines):
        if row.get("split") == split:
            picture, label = (_file(folder, part, split, row["scene"]) for part in ("images", "labels"))
            if not label.is_file() or not picture.is_file():
                raise InputError(
                    f"{label if picture.is_file() else picture}: missing: delete {folder} and make it again"
                )
            with Image.open(picture) as opened:
                found.append((picture, from_yolo(label.read_text(), *opened.size, str(label))))
    return found


def _unreadable(folder: Path) -> list[Failure]:
    """What the workers noted, each photograph once."""
    noted = [json.loads(path.read_bytes()) for path in sorted((folder / "unreadable").glob("*.json"))]
    return [Failure(Path(path), reason) for path, reason in sorted({tuple(item) for item in noted})]


def _claim(folder: Path, plan: dict[str, object]) -> None:
    path = folder / "plan.json"
    if not path.is_file():
        if folder.exists() and any(folder.iterdir()):
            raise InputError(f"{folder}: is there and is no set of scenes: give a new or an empty folder")
        write_json(path, plan)
    elif (old := json.loads(path.read_bytes())) != plan:
        key = next(key for key in sorted(plan.keys() | old.keys()) if plan.get(key) != old.get(key))
        raise InputError(
            f"{folder} was made with {key} = {old.get(key)!r}, now it is {plan.get(key)!r}: give another folder, or delete this one"
        )


def _file(folder: Path, part: str, split: str, scene: str) -> Path:
    return folder / part / split / f"{scene}.{'jpg' if part == 'images' else 'txt'}"


_made_of: dict[str, Scenes] = {}  # in a worker process: by split
_pools: dict[str, PhotographPool] = {}


def _start(paths: dict[str, list[str]], longest: int) -> None:
    import cv2

    cv2.setNumThreads(1)
    for split, own in paths.items():
        pool = PhotographPool(own)
        pool.smallest = longest
        _pools[split], _made_of[split] = pool, Scenes(pool, longest)


def _make(job: tuple[Path, str, int, int]) -> tuple[str, str, str, int]:
    """One scene; the label file is written last, and a scene that has one is not made again."""
    folder, split, number, seed = job
    name = f"{number:06d}"
    picture, label = (_file(folder, part, split, name) for part in ("images", "labels"))
    rng = np.random.default_rng([seed, SPLITS.index(split), number])
    kind = draw_kind(rng)
    if not label.is_file():
        scene = _made_of[split].make(kind, rng)
        for failure in _pools[split].failures:  # noted at once: a scene that is there is not made again
            write_json(folder / "unreadable" / f"{hash_value(failure[0])[:16]}-{os.getpid()}.json", failure)
        _pools[split].failures.clear()
        with atomic_path(picture) as temporary:
            Image.fromarray(scene.image).save(temporary, "JPEG", quality=int(rng.integers(60, 97)))
        write_bytes(label, to_yolo(scene.boxes, scene.image.shape[1], scene.image.shape[0]).encode())
    return split, name, kind, len(label.read_text().splitlines())
