"""What the index says about one tensor: type, shape, and where its bytes are."""

import math
from dataclasses import dataclass

import numpy as np

from imgfp.errors import InputError
from imgfp.mirror.tf_checkpoint.fields import Message

STRING = 7
DTYPES: dict[int, np.dtype] = {
    1: np.dtype("<f4"),
    2: np.dtype("<f8"),
    3: np.dtype("<i4"),
    4: np.dtype("u1"),
    5: np.dtype("<i2"),
    6: np.dtype("i1"),
    9: np.dtype("<i8"),
    10: np.dtype("?"),
    19: np.dtype("<f2"),
}
_MAX_RANK = 32
_ESCAPED = {0x00: b"\x00\xff", 0xFF: b"\xff\x00"}
_FULL = -1  # length of a slice along an axis that it covers completely


@dataclass(frozen=True)
class Slice:
    """One part of a partitioned tensor: (start, length) of each axis; length -1 is the whole axis."""

    extents: tuple[tuple[int, int], ...]

    def key(self, name: bytes) -> bytes:
        """The key of the part's own entry: 0, the name, the rank, then start and length of each axis, order-preserving."""
        escaped = b"".join(_ESCAPED.get(byte, bytes([byte])) for byte in name)
        numbers = b"".join(_ordered(value) for extent in self.extents for value in extent)
        rank = len(self.extents)
        return b"\x00" + escaped + b"\x00\x01" + (b"\x01" + bytes([rank]) if rank else b"\x00") + numbers

    def within(self, shape: tuple[int, ...]) -> tuple[slice, ...]:
        """The part as an index of the whole tensor.

        Raises:
            InputError: it reaches outside.
        """
        if len(self.extents) != len(shape):
            raise InputError(f"a part has {len(self.extents)} axes, the tensor {len(shape)}")
        full = [
            (0, size) if length == _FULL else (start, length)
            for (start, length), size in zip(self.extents, shape, strict=True)
        ]
        if any(
            start < 0 or length < 0 or start + length > size for (start, length), size in zip(full, shape, strict=True)
        ):
            raise InputError(f"part {full} is outside the shape {shape}")
        return tuple(slice(start, start + length) for start, length in full)


@dataclass(frozen=True)
class Entry:
    """Where a tensor's bytes are. `dtype`: None for strings. `crc`: masked CRC-32C of the bytes."""

    dtype: np.dtype | None
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    crc: int
    slices: tuple[Slice, ...]

    @property
    def count(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @classmethod
    def parse(cls, data: bytes) -> "Entry":
        """Reads an entry of the index and checks that type, shape and size agree.

        Raises:
            InputError: they do not, or the entry is damaged.
        """
        message = Message.parse(data)
        kind = message.number(1)
        if kind != STRING and kind not in DTYPES:
            raise InputError(f"unknown dtype {kind}")
        dtype = DTYPES.get(kind)
        shape = _shape(message)
        slices = tuple(_slice(part) for part in message.messages(7))
        shard, offset, size = (message.number(field) for field in (3, 4, 5))
        if min(shard, offset, size) < 0:
            raise InputError(f"shard {shard}, offset {offset} or size {size} is negative")
        entry = cls(dtype, shape, shard, offset, size, message.number(6), slices)
        if dtype is not None and not slices and size != entry.count * dtype.itemsize:
            raise InputError(f"{size} bytes do not hold the shape {shape} of {dtype}")
        return entry


def _shape(message: Message) -> tuple[int, ...]:
    shapes = message.messages(2)
    dimensions = [dimension for shape in shapes for dimension in shape.messages(2)]
    shape = tuple(dimension.number(1) for dimension in dimensions)
    if any(shape_.number(3) for shape_ in shapes) or any(size < 0 for size in shape):
        raise InputError("the shape is unknown")
    if len(shape) > _MAX_RANK or math.prod(max(size, 1) for size in shape) >= 1 << 60:
        raise InputError(f"the number of elements of a shape of {len(shape)} axes overflows")
    return shape


def _slice(message: Message) -> Slice:
    extents = message.messages(1)
    return Slice(tuple((part.number(1), part.number(2) if part.has(2) else _FULL) for part in extents))


def _ordered(value: int) -> bytes:
    """A signed integer in TensorFlow's "ordered code": bytes that sort as the numbers do."""
    magnitude = value if value >= 0 else ~value
    size = magnitude.bit_length() // 7 + 1
    header = ((1 << size) - 1) << (16 - size)  # as many ones as there are bytes, from the left
    code = bytearray(value.to_bytes(size, "big", signed=True) if size > 1 else (value & 0xFF).to_bytes(1, "big"))
    for at, flip in enumerate(header.to_bytes(2, "big")[:size]):
        code[at] ^= flip
    return bytes(code)
