"""Descriptors of original and edited photographs of isc-mini, extracted once and stored: what benchmarks/index.py searches."""

import csv
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks._side_by_side import ROOT
from imgfp.edits import POLICIES, Edit, EditsConfig, apply_edits, create_edits, draw
from imgfp.images import Failure, ImageList, read_rgb
from imgfp.local.features import LocalFeatures
from imgfp.local.sift.sift import SiftConfig, extract_sift
from imgfp.local.store import FeatureStore, pack_features
from imgfp.pipeline.stages.features import feature_stage
from imgfp.pipeline.stages.inputs import claim_images
from imgfp.pipeline.stages.shard import Shard
from imgfp.pipeline.stages.stage import MakeShard, Stage, Work, run_stage
from imgfp.progress import advance
from imgfp.threads import thread_count

DATA = Path(os.environ.get("IMGFP_DATA") or ROOT.parent / "shared" / "data" / "isc-mini")
FOLDER = ROOT / "outputs" / "benchmarks" / "collection"
QUERIES = 1000
_SHARD, _POOL = 256, 60


def collection(size: int) -> list[FeatureStore]:
    """Stores that hold at least `size` descriptors together: the references, the training photographs, then edited copies.

    Training photographs known to duplicate a reference or a query (known_duplicates.csv) are left out, so every reference
    has one image only.
    """
    stores = [_plain("reference", ImageList.from_disc(DATA, "reference"))]
    training = _training()
    edition = 0
    while sum(int(store.offsets[-1]) for store in stores) < size:
        stores.append(_edited(f"edition{edition}", training, edition) if edition else _plain("training", training))
        edition += 1
    return stores


@lru_cache(maxsize=1)
def queries() -> FeatureStore:
    """Edited copies of QUERIES of the references, with their own seeds; a copy's id is its reference's."""
    whole = ImageList.from_disc(DATA, "reference")
    rows = np.linspace(0, len(whole) - 1, QUERIES).round().astype(int)
    chosen = ImageList(whole.root, tuple(whole.ids[row] for row in rows), tuple(whole.paths[row] for row in rows))
    return _edited("queries", chosen, 1_000_000)


def _training() -> ImageList:
    whole = ImageList.from_disc(DATA, "training")
    with (DATA / "known_duplicates.csv").open(newline="") as file:
        known = {row[key] for row in csv.DictReader(file) for key in ("id_a", "id_b")}
    rows = [row for row, image_id in enumerate(whole.ids) if image_id not in known]
    return ImageList(whole.root, tuple(whole.ids[row] for row in rows), tuple(whole.paths[row] for row in rows))


def _plain(name: str, images: ImageList) -> FeatureStore:
    feature_stage(f"{name} features", images, SiftConfig(), FOLDER / name)
    return FeatureStore(FOLDER / name, verify=False)


@dataclass(frozen=True)
class EditedWork(Work):
    """Features of one edited copy of every image, made in worker processes."""

    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    seed: int

    @contextmanager
    def opened(self) -> Iterator[MakeShard]:
        """Starts the worker processes."""
        with ProcessPoolExecutor(thread_count(), get_context("spawn")) as workers:

            def make(number: int, rows: range) -> Shard:
                made = []
                jobs = [(self.paths[row], self.seed, row) for row in rows]
                for item in workers.map(_features, jobs, chunksize=8):
                    made.append(item)
                    advance(1)
                arrays, record = pack_features(made)
                return Shard({"ids": [self.ids[row] for row in rows], **record}, arrays)

            yield make


def _edited(name: str, images: ImageList, seed: int) -> FeatureStore:
    """Features of one copy of every image, edited as the policy "strong" draws for (`seed`, its position)."""
    folder = FOLDER / name
    settings = {"sift": asdict(SiftConfig()), "policy": asdict(POLICIES["strong"]), "seed": seed}
    inputs = {"images": claim_images(folder, images), "pool": list(_pool_ids())}
    stage = Stage(f"{name} features", folder, settings, inputs, len(images), _SHARD)
    suffix = "" if name == "queries" else f".{seed}"
    run_stage(stage, EditedWork(tuple(image_id + suffix for image_id in images.ids), images.paths, seed))
    return FeatureStore(folder, verify=False)


def _features(job: tuple[Path, int, int]) -> LocalFeatures:
    path, seed, row = job
    image = read_rgb(path)
    if isinstance(image, Failure):
        raise RuntimeError(f"{path}: {image.reason}")
    rng = np.random.default_rng([seed, row])
    edits = _edits()
    edited = apply_edits(image, draw(POLICIES["strong"], rng, edits), edits, rng)
    return extract_sift(edited.image, SiftConfig())


def _pool_ids() -> Sequence[str]:
    training = _training()
    return training.ids[:: len(training) // _POOL][:_POOL]


@lru_cache(maxsize=1)
def _edits() -> dict[str, Edit]:
    import cv2

    cv2.setNumThreads(1)
    training = _training()
    decoded = [read_rgb(path) for path in training.paths[:: len(training) // _POOL][:_POOL]]
    return create_edits(EditsConfig("strong"), [image for image in decoded if isinstance(image, np.ndarray)])
