"""Synthetic DISC-style set with ground truth, from any photographs: for fitting and tuning without the evaluation queries."""

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from imgfp.edits import apply_edits, catalogue, random_edits
from imgfp.errors import InputError
from imgfp.files import atomic_folder, hash_value, read_lines, write_csv, write_json
from imgfp.images import Failure, ImageList, PhotographPool, digest_of, read_rgb
from imgfp.progress import track
from imgfp.threads import libraries_single_threaded, thread_count

VERSION = 1  # raise it whenever the same seed would give other files
_MARKER = "made_set.json"


@dataclass(frozen=True)
class SyntheticConfig:
    """Size of the synthetic set. Half of the queries are edited references, half distractors.

    Attributes:
        references: Number of reference photographs; 0: half of all photographs.
        queries: Number of edited queries.
        min_edits, max_edits: Number of edits per query, no two of one kind.
        seed: The same seed and photographs give the same bytes.
    """

    references: int = 0
    queries: int = 2000
    min_edits: int = 1
    max_edits: int = 4
    seed: int = 0


def make_synthetic_set(photographs: ImageList, folder: Path, config: SyntheticConfig) -> None:
    """Writes the set atomically: references.csv, query_images/, ground_truth.csv, transforms.csv.

    References are not copied: `references.csv` lists them (see `synthetic_references`). An unreadable photograph gives no
    query.

    Raises:
        InputError: too few photographs, or `folder` contains other files.
    """
    marker = {
        "version": VERSION,
        **asdict(config),
        "photographs": hash_value([photographs.ids, digest_of(photographs.paths)]),
    }
    if (folder / _MARKER).is_file() and json.loads((folder / _MARKER).read_bytes()) == marker:
        return
    if folder.exists() and not (folder / _MARKER).is_file() and any(folder.iterdir()):
        raise InputError(f"{folder}: exists and is not a synthetic set of imgfp: give a new or an empty folder")
    order = np.random.default_rng(config.seed).permutation(len(photographs))
    count = config.references or len(photographs) // 2
    if not 1 <= count < len(photographs):
        raise InputError(
            f"{count} references of {len(photographs)} photographs leave none for distractors: use fewer references"
        )
    references, others = np.sort(order[:count]).tolist(), order[count:].tolist()
    pool = [str(photographs.paths[row]) for row in others]

    def make(number: int) -> tuple[str, str, str] | Failure:
        rng = np.random.default_rng([config.seed, number])
        copied = number % 2 == 0
        row = int(rng.choice(references if copied else others))
        rgb = read_rgb(photographs.paths[row])
        if isinstance(rgb, Failure):
            return rgb
        edits = catalogue(PhotographPool(pool))
        names = random_edits(rng, edits, config.min_edits, config.max_edits)
        query_id, quality = f"Q{number:05d}", int(rng.integers(70, 96))
        edited = apply_edits(rgb, names, edits, rng).image
        Image.fromarray(edited).save(temporary / "query_images" / f"{query_id}.jpg", "JPEG", quality=quality)
        return query_id, photographs.ids[row] if copied else "", "+".join(names)

    with atomic_folder(folder) as temporary:
        (temporary / "query_images").mkdir()
        with libraries_single_threaded(), ThreadPoolExecutor(thread_count()) as threads:
            results = list(track(threads.map(make, range(config.queries)), config.queries, "generating queries"))
        rows = [item for item in results if not isinstance(item, Failure)]
        write_csv(temporary / "references.csv", ["image_id"], [[photographs.ids[row]] for row in references])
        write_csv(temporary / "ground_truth.csv", ["query_id", "reference_id"], [row[:2] for row in rows])
        write_csv(temporary / "transforms.csv", ["query_id", "edits"], [(row[0], row[2]) for row in rows])
        write_json(temporary / _MARKER, marker)


def synthetic_references(photographs: ImageList, folder: Path) -> ImageList:
    """The reference photographs of a synthetic set."""
    lines = read_lines(folder / "references.csv", "a folder written by make_synthetic_set")
    wanted = {row["image_id"] for row in csv.DictReader(lines)}
    return photographs.take(row for row, image_id in enumerate(photographs.ids) if image_id in wanted)
