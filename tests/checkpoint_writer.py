"""Writes TensorFlow V2 checkpoints by the format's description, whole or with deliberate faults."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from imgfp.mirror.tf_checkpoint.crc32c import crc32c, masked

KINDS = {"float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int64": 9, "bool": 10, "float16": 19}
HEADER = b"\x08\x01\x1a\x02\x08\x01"  # one data file, made by version 1


def varint(value: int) -> bytes:
    value %= 1 << 64
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def message(*fields: tuple[int, int | bytes]) -> bytes:
    """A protobuf message; zero integers are left out."""
    out = b""
    for number, value in fields:
        if isinstance(value, bytes):
            out += varint(number << 3 | 2) + varint(len(value)) + value
        elif value:
            out += varint(number << 3) + varint(value)
    return out


@dataclass(frozen=True)
class Bundle:
    """An entry of the index before it is encoded."""

    kind: int
    shape: tuple[int, ...]
    offset: int
    size: int
    crc: int
    shard: int = 0
    slices: tuple[tuple[tuple[int, int], ...], ...] = ()

    def encoded(self) -> bytes:
        shape = message(*((2, message((1, size))) for size in self.shape))
        parts = [message(*((1, message((1, a)) + b"\x10" + varint(n)) for a, n in part)) for part in self.slices]
        crc = b"\x35" + struct.pack("<I", self.crc)
        head = message((1, self.kind), (2, shape), (3, self.shard), (4, self.offset), (5, self.size))
        return head + crc + message(*((7, part) for part in parts))

    def but(self, **changes: object) -> "Bundle":
        return replace(self, **changes)  # type: ignore[arg-type]


def block(entries: Sequence[tuple[bytes, bytes]], compressed: bool = False) -> bytes:
    """A block with its trailer; keys share prefixes except at every 16th entry."""
    body, restarts, last = b"", [], b""
    for number, (key, value) in enumerate(entries):
        shared = 0
        if number % 16:
            while shared < min(len(key), len(last)) and key[shared] == last[shared]:
                shared += 1
        else:
            restarts.append(len(body))
        body += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    body += b"".join(struct.pack("<I", at) for at in restarts or [0]) + struct.pack("<I", len(restarts or [0]))
    body = (pa.compress(body, codec="snappy", asbytes=True) if compressed else body) + bytes([compressed])
    return body + struct.pack("<I", masked(crc32c(body)))


def write_index(path: Path, entries: Mapping[bytes, bytes], compressed: bool = False, per_block: int = 40) -> None:
    """The `.index` file of these entries, in the order given."""
    rows, data, handles = list(entries.items()), b"", []
    for start in range(0, len(rows), per_block):
        part = block(rows[start : start + per_block], compressed)
        handles.append((rows[start : start + per_block][-1][0], varint(len(data)) + varint(len(part) - 5)))
        data += part
    meta, index = block([]), block(handles)
    ends = varint(len(data)) + varint(len(meta) - 5) + varint(len(data) + len(meta)) + varint(len(index) - 5)
    path.write_bytes(data + meta + index + ends.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db"))


def bundles_of(tensors: Mapping[str, np.ndarray]) -> tuple[dict[str, Bundle], bytes]:
    """The entries of tensors, and the content of their data file."""
    data, found = b"", {}
    for name, tensor in sorted(tensors.items()):
        raw = np.ascontiguousarray(tensor).tobytes()
        found[name] = Bundle(KINDS[tensor.dtype.name], tensor.shape, len(data), len(raw), masked(crc32c(raw)))
        data += raw
    return found, data


def write_checkpoint(
    prefix: Path, tensors: Mapping[str, np.ndarray], compressed: bool = False, per_block: int = 40
) -> None:
    """A checkpoint of one data file."""
    bundles, data = bundles_of(tensors)
    prefix.with_name(f"{prefix.name}.data-00000-of-00001").write_bytes(data)
    entries = {name.encode(): bundle.encoded() for name, bundle in bundles.items()}
    write_index(prefix.with_name(f"{prefix.name}.index"), {b"": HEADER, **entries}, compressed, per_block)
