"""Stages: local features -> codebook -> codes a shard of images at a time -> one compressed index in list order.

COMPRESSED/codebook/      trained when first needed, then frozen
COMPRESSED/encoded-000/   codes of the first part of the collection, and so on; merged again when the collection changes
COMPRESSED/merged-HASH/   what searches open; HASH identifies the parts and removals it was made from
"""

import json
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from imgfp.errors import InputError
from imgfp.files import hash_file, hash_value
from imgfp.local.index.byte_kmeans import nearest_centre
from imgfp.local.index.codebook import SAMPLE_PER_LIST, Codebook, read_codebook, train_codebook, write_codebook
from imgfp.local.index.compressed_index import CompressedIndex
from imgfp.local.index.index_config import KINDS, lists_for
from imgfp.local.index.merged import Encoded, merge, open_merged
from imgfp.local.joined import JoinedFeatures
from imgfp.local.store import FeatureStore
from imgfp.pipeline.stages.shard import Shard, read_shard
from imgfp.pipeline.stages.stage import Stage, StageResult, Work, run_stage
from imgfp.progress import advance, announce

SHARD_IMAGES = 1024
_ROWS = 1 << 14  # encoded at a time
GROWN = 4  # times the size at training from which retraining the codebook pays


def build_compressed(folder: Path, features: JoinedFeatures, kind: str) -> list[StageResult]:
    """Builds the missing stages of a compressed index in `folder`; merged files of older states stay (`clean_compressed`).

    Raises:
        InputError: the frozen codebook is damaged.
    """
    results = []
    if not (folder / "codebook" / "manifest.json").is_file():
        results.append(_codebook_stage(folder / "codebook", features, kind))
    codebook = _open_codebook(folder / "codebook", kind)
    total = int(features.offsets[-1])
    if total > GROWN * codebook.trained_on:
        announce(
            f"the collection has grown to {total:,} descriptors, {total / max(1, codebook.trained_on):.0f} times what the "
            f"codebook was trained on: an index rebuilt from scratch (delete {folder}) would search faster"
        )
    for number, store in enumerate(features.stores):
        results.append(_encode_stage(folder / f"encoded-{number:03d}", store, codebook))
    results.append(_merge_stage(folder, features, codebook))
    return results


def clean_compressed(folder: Path, features: JoinedFeatures) -> None:
    """Deletes merged files of other states of the collection than `features`."""
    for old in folder.glob("merged-*"):
        if old.name != _merged_name(features):
            shutil.rmtree(old)


def is_built(folder: Path, features: JoinedFeatures) -> bool:
    """Whether `open_compressed` can open."""
    return (folder / _merged_name(features) / "manifest.json").is_file()


def open_compressed(folder: Path, features: JoinedFeatures, kind: str, nprobe: int) -> CompressedIndex:
    """Opens a built index after comparing its files with their checksums.

    Raises:
        InputError: a file is missing, truncated or changed.
    """
    codebook = _open_codebook(folder / "codebook", kind)
    merged = folder / _merged_name(features)
    record = _verified(merged, f"delete {merged} and run 'imgfp index' or the search again")
    if record["codebook"] != codebook.fingerprint:
        raise InputError(f"{merged}: made with a different codebook: delete {merged} and run the search again")
    files = open_merged(merged, len(codebook.centres), codebook.code_size, len(features))
    return CompressedIndex(codebook, files, features.ids, hash_value(record["files"]), nprobe)


def announce_needs(folder: Path, features: JoinedFeatures, kind: str, why: str) -> None:
    """Announces before building what it takes; a frozen codebook and parts already encoded are not counted again."""
    cost, total = KINDS[kind], int(features.offsets[-1])
    trained = (folder / "codebook" / "manifest.json").is_file()
    lists = len(_open_codebook(folder / "codebook", kind).centres) if trained else lists_for(total)
    left = sum(
        int(store.offsets[-1])
        for part, store in enumerate(features.stores)
        if not (folder / f"encoded-{part:03d}" / "manifest.json").is_file()
    )
    # every descriptor and eight times the sample compared with every centre, about 200 M per second and core
    minutes = (left + (0 if trained else 8 * SAMPLE_PER_LIST * lists)) * lists / 200e6 / 60
    announce(
        f"index {kind} ({why}): {total:,} descriptors in {lists:,} lists, {cost.disk} bytes each: "
        f"{total * cost.disk / 1e6:,.0f} MB on disk (twice that with the codes kept for extending it), "
        f"{total * cost.memory / 1e6:,.0f} MB in memory during a search; {left:,} remain to be encoded: about "
        f"{min(3000, 1000 + total * 70 / 1e6):,.0f} MB and {max(1, round(minutes))} min on one core"
    )


@dataclass(frozen=True)
class CodebookWork(Work):
    """Trains a codebook on the whole collection: one shard."""

    folder: Path
    kind: str
    features: JoinedFeatures
    lists: int

    def shard(self, number: int, rows: range) -> Shard:
        """See `Work`."""
        files, record = write_codebook(self.folder, train_codebook(self.kind, self.features, self.lists))
        return Shard(record, files=files)


def _codebook_stage(folder: Path, features: JoinedFeatures, kind: str) -> StageResult:
    lists = lists_for(int(features.offsets[-1]))
    # no inputs: once trained it stays, whatever the collection becomes
    stage = Stage(f"{kind} codebook", folder, {"kind": kind}, {}, 1, 1, "codebooks")
    return run_stage(stage, CodebookWork(folder, kind, features, lists))


def _open_codebook(folder: Path, kind: str) -> Codebook:
    record = _verified(folder, f"delete {folder.parent} and run 'imgfp index' again, which trains a new one")
    return read_codebook(folder, record)


def _verified(folder: Path, fix: str) -> dict[str, Any]:
    """The record of a stage of one shard, its files verified."""
    record = read_shard(folder, 0)
    if record is None:
        raise InputError(f"{_first_damaged(folder)}: missing or changed since it was written: {fix}")
    return record


def _first_damaged(folder: Path) -> Path:
    try:
        files = json.loads((folder / "00000.json").read_bytes())["files"]
        for name, digest in files.items():
            if not (folder / name).is_file() or hash_file(folder / name) != digest:
                return folder / name
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return folder / "00000.json"


@dataclass(frozen=True)
class EncodeWork(Work):
    """The codes of each image's descriptors, in list order."""

    store: FeatureStore
    codebook: Codebook

    def shard(self, number: int, rows: range) -> Shard:
        """See `Work`."""
        codebook, store = self.codebook, self.store
        lists, codes, owners = [np.zeros(0, np.int32)], [np.zeros((0, codebook.code_size), np.uint8)], []
        batch: list[np.ndarray] = []
        for row in rows:
            batch.append(store.get(row).descriptors)
            owners.append(np.full(len(batch[-1]), row, np.int32))
            if sum(map(len, batch)) >= _ROWS or row == rows[-1]:
                descriptors = np.concatenate(batch)
                numbers, _ = nearest_centre(descriptors, codebook.centres)
                codes.append(codebook.encode(descriptors, numbers))
                lists.append(numbers.astype(np.int32))
                batch = []
            advance(1)
        store.close_maps()
        arrays: dict[str, np.ndarray] = {
            "lists": np.concatenate(lists),
            "codes": np.concatenate(codes),
            "owners": np.concatenate(owners),
        }
        order = np.argsort(arrays["lists"], kind="stable")
        return Shard({}, {name: array[order] for name, array in arrays.items()})


def _encode_stage(folder: Path, store: FeatureStore, codebook: Codebook) -> StageResult:
    inputs = {"features": store.fingerprint, "codebook": codebook.fingerprint}
    stage = Stage(f"codes {folder.name[-3:]}", folder, {"kind": codebook.kind}, inputs, len(store), SHARD_IMAGES)
    return run_stage(stage, EncodeWork(store, codebook))


def _read_encoded(folder: Path, number: int, places: np.ndarray) -> Encoded:
    """A shard of codes, memory-mapped; its owners as positions in the collection."""
    lists, codes, owners = (
        np.load(folder / f"{number:05d}.{name}.npy", mmap_mode="r", allow_pickle=False)
        for name in ("lists", "codes", "owners")
    )
    return Encoded(lists, codes, places[owners])


@dataclass(frozen=True)
class MergeWork(Work):
    """All parts' codes as one index in list order: one shard."""

    folder: Path
    merged: Path
    places: tuple[np.ndarray, ...]
    codebook: Codebook

    def shard(self, number: int, rows: range) -> Shard:
        """See `Work`."""
        shards = [
            partial(_read_encoded, self.folder / f"encoded-{part:03d}", shard, places)
            for part, places in enumerate(self.places)
            for shard in range(-(-len(places) // SHARD_IMAGES))
        ]
        files = merge(self.merged, shards, len(self.codebook.centres), self.codebook.code_size)
        return Shard({"codebook": self.codebook.fingerprint}, files=files)


def _merge_stage(folder: Path, features: JoinedFeatures, codebook: Codebook) -> StageResult:
    merged = folder / _merged_name(features)
    inputs = {"features": features.fingerprint, "codebook": codebook.fingerprint}
    stage = Stage("merged codes", merged, {"kind": codebook.kind}, inputs, 1, 1, "indexes")
    return run_stage(stage, MergeWork(folder, merged, features.places, codebook))


def _merged_name(features: JoinedFeatures) -> str:
    return f"merged-{features.fingerprint[:12]}"
