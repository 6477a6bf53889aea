"""The pairs that were verified so far, in the shards of several stages, found by their two positions."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from imgfp.pipeline.pairs.verify import TwoView
from imgfp.pipeline.stages.shard import read_shard

_OPEN = 32  # shards whose arrays are mapped at a time
_COLUMNS = ("key", "inliers", "planar", "shard", "row", "first_match")

Pairs = Sequence[tuple[int, int]]


class StoredPairs:
    """An index of verified pairs; the matches stay on disk. Takes 48 bytes per pair."""

    def __init__(self) -> None:
        self._shards: list[tuple[Path, int]] = []
        self._table = np.zeros((0, len(_COLUMNS)), np.int64)  # sorted by key, no key twice
        self._open: Callable[[int], tuple[np.ndarray, np.ndarray]] = lru_cache(_OPEN)(self._map_arrays)

    def add(self, folder: Path) -> None:
        """Adds the complete shards of a stage, which need not be finished."""
        blocks = [self._table]
        for path in sorted(folder.glob("[0-9]*.json")):
            record = read_shard(folder, int(path.stem))
            if record is None:
                continue
            first, second, inliers, planar = np.array(record["rows"], np.int64).reshape(-1, 4).T
            shard, rows = np.full(len(first), len(self._shards)), np.arange(len(first))
            key = _keys(np.stack([first, second], axis=1))
            blocks.append(np.stack([key, inliers, planar, shard, rows, np.cumsum(inliers) - inliers], axis=1))
            self._shards.append((folder, int(path.stem)))
        table = np.concatenate(blocks)
        self._table = table[np.unique(table[:, 0], return_index=True)[1]]

    def missing(self, pairs: Pairs) -> list[tuple[int, int]]:
        """Those of the pairs that are not stored, in their order."""
        known = np.isin(_keys(np.array(pairs)), self._table[:, 0]).tolist()
        return [pair for pair, stored in zip(pairs, known, strict=True) if not stored]

    def inliers(self, pairs: Pairs) -> list[int]:
        """The number of inliers of each pair; all must be stored."""
        return self._rows(pairs)[:, 1].tolist()

    def results(self, pairs: Pairs) -> Iterator[TwoView]:
        """The two-view geometry of each pair; all must be stored."""
        for _, inliers, planar, shard, row, start in self._rows(pairs).tolist():
            matches, models = self._open(shard)
            model = np.array(models[row]) if inliers else None
            yield TwoView(np.array(matches[start : start + inliers]), bool(planar), model)

    def _rows(self, pairs: Pairs) -> np.ndarray:
        return np.asarray(self._table[np.searchsorted(self._table[:, 0], _keys(np.array(pairs)))])

    def _map_arrays(self, shard: int) -> tuple[np.ndarray, np.ndarray]:
        folder, number = self._shards[shard]
        matches, models = (
            np.load(folder / f"{number:05d}.{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in ("matches", "models")
        )
        return matches, models


def _keys(pairs: np.ndarray) -> np.ndarray:
    """(n,) int64, one number per pair of positions below 2^31."""
    first, second = pairs.reshape(-1, 2).astype(np.int64).T
    return np.asarray(first << 32 | second)
