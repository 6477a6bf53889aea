"""A V2 checkpoint ("tensor bundle"): tensors by name, each read and verified when it is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imgfp.errors import InputError
from imgfp.mirror.tf_checkpoint.entry import Entry
from imgfp.mirror.tf_checkpoint.fields import Message
from imgfp.mirror.tf_checkpoint.shards import Shards
from imgfp.mirror.tf_checkpoint.table import read_table

_HEADER = b""
_VERSION = 1  # of the format, the only one


@dataclass(frozen=True)
class Checkpoint:
    """An open checkpoint. `prefix`: the path without `.index`. A damaged tensor does not affect the others."""

    prefix: Path
    entries: Mapping[bytes, bytes]
    shards: Shards

    @classmethod
    def open(cls, path: Path) -> "Checkpoint":
        """Reads the index of a checkpoint. `path`: the prefix, such as `model.ckpt-1000`, or the `.index` file.

        Raises:
            InputError: no such checkpoint, or its index is damaged or of another format.
        """
        prefix = path.with_suffix("") if path.suffix == ".index" else path
        index = prefix.with_name(f"{prefix.name}.index")
        if not index.is_file():
            raise InputError(_missing(index))
        entries = read_table(index)
        try:
            shards = Shards(prefix, _shard_count(entries))
        except InputError as error:
            raise InputError(f"{index}: {error}: give a little-endian V2 checkpoint, format version 1") from None
        return cls(prefix, entries, shards)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all tensors, sorted by their bytes; parts of partitioned tensors are not listed."""
        return tuple(key.decode("utf-8", "surrogateescape") for key in self.entries if key[:1] not in (b"", b"\x00"))

    def entry(self, name: str) -> Entry:
        """What the index says about a tensor.

        Raises:
            InputError: there is no such tensor, or its entry is damaged.
        """
        try:
            return self._entry(_key(name))
        except InputError as error:
            raise self._named(name, error) from None

    def read(self, name: str) -> np.ndarray:
        """A tensor, verified; strings as an array of bytes objects.

        Raises:
            InputError: there is no such tensor, or its entry or its bytes are damaged or missing.
        """
        entry = self.entry(name)
        try:
            if entry.slices:
                return self._joined(_key(name), entry)
            return self.shards.strings(entry) if entry.dtype is None else self.shards.array(entry)
        except InputError as error:
            raise self._named(name, error) from None

    def _named(self, name: str, error: InputError) -> InputError:
        return InputError(
            f"{self.prefix}: tensor {name}: {error}: the checkpoint is damaged or truncated: download it again"
        )

    def _entry(self, key: bytes) -> Entry:
        if key not in self.entries or not key:
            raise InputError("not in the index")
        return Entry.parse(self.entries[key])

    def _joined(self, key: bytes, whole: Entry) -> np.ndarray:
        """A partitioned tensor. Its size is compared with its parts and the data files before it is allocated."""
        if whole.dtype is None:
            raise InputError("partitioned strings are not supported")
        parts = [(part.within(whole.shape), self._entry(part.key(key))) for part in whole.slices]
        sizes = {part.shard: self.shards.check(part) for _, part in parts}
        if any(part.dtype != whole.dtype or part.slices for _, part in parts):
            raise InputError("a part is of another type")
        if sum(part.count for _, part in parts) != whole.count or whole.count * whole.dtype.itemsize > sum(
            sizes.values()
        ):
            raise InputError(f"its {len(parts)} parts do not add up to the shape {whole.shape}")
        joined, filled = np.empty(whole.shape, whole.dtype), np.zeros(whole.shape, dtype=bool)
        for place, part in parts:
            if joined[place].shape != part.shape:
                raise InputError(f"a part of shape {part.shape} does not fit its place of shape {joined[place].shape}")
            joined[place], filled[place] = self.shards.array(part), True
        if not filled.all():
            raise InputError("its parts overlap")
        return joined


def _key(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _shard_count(entries: Mapping[bytes, bytes]) -> int:
    """The number of data files, from the header entry."""
    if _HEADER not in entries:
        raise InputError("no header entry")
    header = Message.parse(entries[_HEADER])
    if header.number(2):
        raise InputError("its data are big-endian")
    for version in header.messages(3):
        if version.number(2) > _VERSION:
            raise InputError(f"made for a newer reader (min_consumer {version.number(2)})")
    if header.number(1) < 1:
        raise InputError(f"its header names {header.number(1)} data files")
    return header.number(1)


def _missing(index: Path) -> str:
    """The message for an index that is not there: names those in the same folder."""
    others = sorted(path.stem for path in index.parent.glob("*.index")) if index.parent.is_dir() else []
    if others:
        return f"{index}: no such file; that folder has {', '.join(others[:5])}: give one of them"
    if index.with_suffix("").is_file():
        return f"{index}: no such file: a single file is a V1 checkpoint; save it as V2 (.index and .data-*)"
    return f"{index}: no such file: give the path of a checkpoint without .index, such as DIR/model.ckpt-1000"
