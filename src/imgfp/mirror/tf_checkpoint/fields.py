"""Integers of variable length and protobuf messages, as far as checkpoints use them."""

from collections.abc import Iterator
from dataclasses import dataclass

from imgfp.errors import InputError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
Field = int | bytes


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The unsigned 64-bit integer at `at`, seven bits per byte, and the position behind it.

    Raises:
        InputError: it does not end within `data`, or has more than 64 bits.
    """
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise InputError("an integer is cut off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                break
            return value, at
    raise InputError("an integer has more than 64 bits")


@dataclass(frozen=True)
class Message:
    """A protobuf message: (number, value) of its fields in order, unknown ones too; fixed-width values as integers."""

    fields: tuple[tuple[int, Field], ...]

    @classmethod
    def parse(cls, data: bytes) -> "Message":
        """Reads a message.

        Raises:
            InputError: it is cut off, or contains a wire type that protobuf no longer has.
        """
        return cls(tuple(_fields(data)))

    def number(self, field: int, default: int = 0) -> int:
        """The last value of an integer field, as a signed 64-bit integer."""
        values = [value for number, value in self.fields if number == field]
        if not values:
            return default
        if not isinstance(values[-1], int):
            raise InputError(f"field {field} is not an integer")
        return values[-1] - (1 << 64) if values[-1] >> 63 else values[-1]

    def messages(self, field: int) -> list["Message"]:
        """Every message in a field."""
        values = [value for number, value in self.fields if number == field]
        found = [Message.parse(value) for value in values if isinstance(value, bytes)]
        if len(found) != len(values):
            raise InputError(f"field {field} is not a message")
        return found

    def has(self, field: int) -> bool:
        """Whether the field is present."""
        return any(number == field for number, _ in self.fields)


def _fields(data: bytes) -> Iterator[tuple[int, Field]]:
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = read_varint(data, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = read_varint(data, at)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise InputError(f"field {number} has the unknown wire type {kind}")
        if size > len(data) - at:
            raise InputError(f"field {number} is cut off")
        part, at = data[at : at + size], at + size
        yield number, part if kind == _BYTES else int.from_bytes(part, "little")
