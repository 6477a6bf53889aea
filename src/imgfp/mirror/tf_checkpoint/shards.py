"""The `.data-*` files: bytes of tensors, read only after their place was checked against the file's size."""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imgfp.errors import InputError
from imgfp.mirror.tf_checkpoint.crc32c import crc32c, masked
from imgfp.mirror.tf_checkpoint.entry import Entry
from imgfp.mirror.tf_checkpoint.fields import read_varint


@dataclass(frozen=True)
class Shards:
    """The data files of a checkpoint. `prefix`: the path without `.index`; `count`: number of files."""

    prefix: Path
    count: int

    def path(self, shard: int) -> Path:
        """The file of a shard.

        Raises:
            InputError: the checkpoint has no such shard.
        """
        if shard >= self.count:
            raise InputError(f"shard {shard} of {self.count}")
        return self.prefix.with_name(f"{self.prefix.name}.data-{shard:05d}-of-{self.count:05d}")

    def check(self, entry: Entry) -> int:
        """The size of the entry's file.

        Raises:
            InputError: the file is missing, or ends before the entry does.
        """
        path = self.path(entry.shard)
        if not path.is_file():
            raise InputError(f"no such file {path.name}")
        size = path.stat().st_size
        if entry.offset + entry.size > size:
            raise InputError(f"it ends at byte {entry.offset + entry.size} of {path.name}, which has {size}")
        return size

    def array(self, entry: Entry) -> np.ndarray:
        """The tensor of an entry that is not partitioned and not of strings; its checksum is verified."""
        assert entry.dtype is not None
        data = self._bytes(entry)
        if masked(crc32c(data)) != entry.crc:
            raise InputError("its bytes differ from their checksum")
        if entry.dtype == np.bool_:
            return (data != 0).reshape(entry.shape)
        return data.view(entry.dtype).reshape(entry.shape)

    def strings(self, entry: Entry) -> np.ndarray:
        """A tensor of byte strings, as an array of objects.

        The lengths come first, as variable-length integers, then their checksum, then the strings. The entry's checksum
        is over the lengths as 4-byte integers, the lengths' checksum, and the strings.
        """
        if entry.count > entry.size:
            raise InputError(f"{entry.size} bytes cannot hold {entry.count} strings")
        data = self._bytes(entry).tobytes()
        lengths, at = [], 0
        for _ in range(entry.count):
            length, at = read_varint(data, at)
            lengths.append(length)
        start = at + 4
        if start + sum(lengths) != len(data):
            raise InputError(f"strings of {sum(lengths)} bytes do not fill {len(data)} bytes")
        fixed = struct.pack(f"<{len(lengths)}I", *lengths)  # each is below the size of the file part, checked above
        crc = crc32c(fixed)
        if struct.pack("<I", masked(crc)) != data[at:start]:
            raise InputError("its lengths differ from their checksum")
        if masked(crc32c(data[at:], crc)) != entry.crc:
            raise InputError("its bytes differ from their checksum")
        found = np.empty(len(lengths), dtype=object)
        for index, length in enumerate(lengths):
            found[index], start = data[start : start + length], start + length
        return found.reshape(entry.shape)

    def _bytes(self, entry: Entry) -> np.ndarray:
        self.check(entry)
        data = np.empty(entry.size, dtype=np.uint8)
        with self.path(entry.shard).open("rb") as handle:
            handle.seek(entry.offset)
            if handle.readinto(data.data) != entry.size:
                raise InputError("the data file became shorter")
        return data
