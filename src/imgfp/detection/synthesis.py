"""Training set for a detector: synthetic scenes as JPEG files with YOLO label files, from any photographs."""

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
    """Size of the synthetic set.

    Attributes:
        size: Number of training scenes.
        held_out: Number of validation scenes, from photographs that no training scene uses.
        longest: Maximum length of a scene's longer side in pixels; should not exceed that of the photographs.
        seed: The same seed and photographs give the same bytes.
    """

    size: int = 20_000
    held_out: int = 1000
    longest: int = 256
    seed: int = 0


def describe_scenes(config: SynthesisConfig) -> dict[str, object]:
    """Everything besides the photographs that determines the scenes, as plain JSON values."""
    return {"version": VERSION, "augly": bool(augly_catalogue()), **asdict(config)}


def make_scenes(photographs: ImageList, folder: Path, config: SynthesisConfig) -> list[Failure]:
    """Writes `images/SPLIT/N.jpg`, `labels/SPLIT/N.txt` and finally `scenes.csv`; resumes after an interruption.

    One photograph in ten is reserved for the validation scenes. Unreadable photographs are returned; each is replaced by
    the next one.

    Raises:
        InputError: too few photographs, sizes below 1, or `folder` contains other files.
    """
    if min(config.size, config.held_out, config.longest - 63) < 1:
        raise InputError(
            f"size={config.size}, held_out={config.held_out}, longest={config.longest}: must be >= 1, longest >= 64"
        )
    if len(photographs) < 4:
        raise InputError(f"{photographs.root}: {len(photographs)} photographs: scenes need at least 4, 2 per split")
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
            scenes = workers.map(_make, [(folder, split, number, config.seed) for number in range(count)], chunksize=8)
            rows += list(track(scenes, count, f"generating scenes ({split})", "scenes"))
    write_csv(folder / "scenes.csv", ["split", "scene", "kind", "boxes"], rows)
    return _unreadable(folder)


def read_labels(folder: Path, split: str) -> list[tuple[Path, tuple[Box, ...]]]:
    """Image path and boxes in pixels of each scene, in order of scene number.

    Raises:
        InputError: the folder was not written by `make_scenes`, or a file is missing or damaged.
    """
    lines = read_lines(folder / "scenes.csv", "a folder written by make_scenes")
    found = []
    for row in csv.DictReader(lines):
        if row.get("split") == split:
            image, label = (_file(folder, part, split, row["scene"]) for part in ("images", "labels"))
            if not label.is_file() or not image.is_file():
                raise InputError(
                    f"{label if image.is_file() else image}: missing: delete {folder} and generate the scenes again"
                )
            with Image.open(image) as opened:
                found.append((image, from_yolo(label.read_text(), *opened.size, str(label))))
    return found


def _unreadable(folder: Path) -> list[Failure]:
    """The failures recorded by the workers, each photograph once."""
    recorded = [json.loads(path.read_bytes()) for path in sorted((folder / "unreadable").glob("*.json"))]
    return [Failure(Path(path), reason) for path, reason in sorted({tuple(item) for item in recorded})]


def _claim(folder: Path, plan: dict[str, object]) -> None:
    path = folder / "plan.json"
    if not path.is_file():
        if folder.exists() and any(folder.iterdir()):
            raise InputError(f"{folder}: exists and is not a set of scenes: give a new or an empty folder")
        write_json(path, plan)
    elif (old := json.loads(path.read_bytes())) != plan:
        key = next(key for key in sorted(plan.keys() | old.keys()) if plan.get(key) != old.get(key))
        raise InputError(
            f"{folder} was generated with {key} = {old.get(key)!r}, not {plan.get(key)!r}: use another folder, or delete it"
        )


def _file(folder: Path, part: str, split: str, scene: str) -> Path:
    return folder / part / split / f"{scene}.{'jpg' if part == 'images' else 'txt'}"


_scenes: dict[str, Scenes] = {}  # of a worker process, by split
_pools: dict[str, PhotographPool] = {}


def _start(paths: dict[str, list[str]], longest: int) -> None:
    import cv2

    cv2.setNumThreads(1)
    for split, own in paths.items():
        pool = PhotographPool(own)
        pool.smallest = longest
        _pools[split], _scenes[split] = pool, Scenes(pool, longest)


def _make(job: tuple[Path, str, int, int]) -> tuple[str, str, str, int]:
    """Writes one scene; the label file is written last, so a scene that has one is complete and is not repeated."""
    folder, split, number, seed = job
    name = f"{number:06d}"
    path, label = (_file(folder, part, split, name) for part in ("images", "labels"))
    rng = np.random.default_rng([seed, SPLITS.index(split), number])
    kind = draw_kind(rng)
    if not label.is_file():
        scene = _scenes[split].make(kind, rng)
        for failure in _pools[split].failures:  # recorded now: a complete scene is not repeated
            write_json(folder / "unreadable" / f"{hash_value(failure[0])[:16]}-{os.getpid()}.json", failure)
        _pools[split].failures.clear()
        with atomic_path(path) as temporary:
            Image.fromarray(scene.image).save(temporary, "JPEG", quality=int(rng.integers(60, 97)))
        write_bytes(label, to_yolo(scene.boxes, scene.image.shape[1], scene.image.shape[0]).encode())
    return split, name, kind, len(label.read_text().splitlines())
