"""Local features on disk: write-once shards of plain arrays, read as memory maps.

Shard n consists of three files: `n.keypoints.npy` (k, 4) float32, `n.descriptors.npy` (k, 128) uint8 and `n.json` with
each image's id, keypoint count, plane size and views, and the checksums of the arrays. The JSON is written last: without
it the shard is incomplete.
"""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from imgfp.errors import InputError
from imgfp.files import hash_file, hash_value
from imgfp.local.features import LocalFeatures
from imgfp.local.text import read_text
from imgfp.progress import track


class FeatureSource(Protocol):
    """Local features of many images, in a fixed order."""

    ids: tuple[str, ...]
    fingerprint: str  # a hash of the content
    offsets: np.ndarray  # (images + 1,) int64: descriptors of image i are rows offsets[i]:offsets[i + 1] of all blocks

    def get(self, index: int) -> LocalFeatures:
        """Features of one image, by position."""
        ...

    def blocks(self) -> Iterator[np.ndarray]:
        """All descriptors in order, as (n, 128) uint8 blocks."""
        ...


def pack_features(features: Sequence[LocalFeatures]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """One shard: its arrays by name, and what its JSON holds beside the ids: `counts`, `frames`, `views`."""
    arrays = {
        "keypoints": np.concatenate([item.keypoints for item in features] or [np.zeros((0, 4), np.float32)]),
        "descriptors": np.concatenate([item.descriptors for item in features] or [np.zeros((0, 128), np.uint8)]),
    }
    return arrays, {
        "counts": [len(item) for item in features],
        "frames": [[item.width, item.height] for item in features],
        "views": [list(item.views) for item in features],
    }


class FeatureStore:
    """A complete store. Opening it reads only the small JSON files; arrays are mapped on first access."""

    def __init__(self, folder: Path, verify: bool = True) -> None:
        """Opens the store in `folder`.

        Args:
            folder: Output folder of a completed feature stage.
            verify: Verify the checksum of every array file first (reads the files once, in blocks).

        Raises:
            InputError: not a store, or a file is missing, truncated or changed.
        """
        if not (folder / "manifest.json").is_file():
            raise InputError(
                f"{folder}: not a complete feature store (no manifest.json): rerun the step that creates it"
            )
        self.folder = folder
        try:
            listed: dict[str, str] = json.loads((folder / "manifest.json").read_bytes())["records"]
            self._verify(listed)
            records = [json.loads((folder / name).read_bytes()) for name in sorted(listed)]
            counts = np.array([count for record in records for count in record["counts"]], dtype=np.int64)
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{folder}: damaged or not a feature store: give the output of 'imgfp sift --format store' or of an index"
            ) from None
        self.fingerprint = hash_file(folder / "manifest.json")
        if verify:
            for record in track(records, len(records), f"checking {folder.name}", "shards"):
                self._verify(record["files"])
        self.ids: tuple[str, ...] = tuple(image_id for record in records for image_id in record["ids"])
        self._frames = [frame for record in records for frame in record["frames"]]
        # shards written by older versions have no views
        self._views = [tuple(views) for record in records for views in record.get("views", [()] * len(record["ids"]))]
        self.offsets = np.concatenate([[0], np.cumsum(counts)])
        self._first_image = np.cumsum([0] + [len(record["ids"]) for record in records])
        self._map = lru_cache(maxsize=64)(self._open_map)  # a mapped file holds one file descriptor

    def __len__(self) -> int:
        return len(self.ids)

    def __reduce__(self) -> tuple[type["FeatureStore"], tuple[Path, bool]]:
        """Travels to another process as its folder."""
        return FeatureStore, (self.folder, False)

    def get(self, index: int) -> LocalFeatures:
        """Features of one image, by position; arrays are views of the memory map."""
        shard = int(np.searchsorted(self._first_image, index, side="right")) - 1
        base = self.offsets[self._first_image[shard]]
        rows = slice(int(self.offsets[index] - base), int(self.offsets[index + 1] - base))
        width, height = self._frames[index]
        arrays = self._map(shard, "keypoints")[rows], self._map(shard, "descriptors")[rows]
        return LocalFeatures(*arrays, width, height, self._views[index])

    def blocks(self) -> Iterator[np.ndarray]:
        """All descriptors, a shard at a time."""
        for shard in range(len(self._first_image) - 1):
            yield self._map(shard, "descriptors")

    def close_maps(self) -> None:
        """Closes the memory maps, whose pages count as memory; they are opened again on access."""
        self._map.cache_clear()

    def _open_map(self, shard: int, name: str) -> np.ndarray:
        path = self.folder / f"{shard:05d}.{name}.npy"
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        width, dtype = (4, np.float32) if name == "keypoints" else (128, np.uint8)
        first, last = self._first_image[shard], self._first_image[shard + 1]
        rows = self.offsets[last] - self.offsets[first]
        if array.shape != (rows, width) or array.dtype != dtype:
            raise InputError(
                f"{path}: shape {array.shape} {array.dtype}, not ({rows}, {width}) {dtype.__name__}: "
                "delete the store and extract the features again"
            )
        return array

    def _verify(self, files: dict[str, str]) -> None:
        for name, checksum in files.items():
            path = self.folder / name
            if not path.is_file() or hash_file(path) != checksum:
                raise InputError(
                    f"{path}: missing or changed since it was written: delete {self.folder} and extract the features again"
                )


class LoadedFeatures:
    """A `FeatureSource` in memory. `fingerprint`: a hash of its content where results are stored, else empty."""

    def __init__(self, ids: Sequence[str], features: Sequence[LocalFeatures], fingerprint: str = "") -> None:
        self.ids, self.fingerprint = tuple(ids), fingerprint
        self._features = tuple(features)
        self.offsets = np.concatenate([[0], np.cumsum([len(item) for item in features])]).astype(np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    def get(self, index: int) -> LocalFeatures:
        """Features of one image, by position."""
        return self._features[index]

    def blocks(self) -> Iterator[np.ndarray]:
        """All descriptors, one image at a time."""
        return (item.descriptors for item in self._features)


def read_feature_folder(folder: Path) -> LoadedFeatures:
    """imgFp's text files (`<id>.txt`, one per image) of one folder.

    Raises:
        InputError: no such file in the folder, or one that cannot be parsed.
    """
    paths = sorted(folder.glob("*.txt"), key=lambda path: path.stem)
    if not paths:
        raise InputError(
            f"{folder}: neither a feature store nor a folder of imgFp's .txt features: run 'imgfp sift' first"
        )
    features = [read_text(path) for path in track(paths, len(paths), f"reading {folder.name}", "files")]
    fingerprint = hash_value([[path.stem, hash_file(path)] for path in paths])
    return LoadedFeatures([path.stem for path in paths], features, fingerprint)


def open_features(folder: Path) -> FeatureSource:
    """Opens a feature store or a folder of imgFp's text files."""
    return FeatureStore(folder) if (folder / "manifest.json").is_file() else read_feature_folder(folder)
