"""The `.index` file: a sorted table of keys and values in checksummed blocks, as leveldb stores it."""

import struct
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from imgfp.errors import InputError
from imgfp.mirror.tf_checkpoint.crc32c import crc32c, masked
from imgfp.mirror.tf_checkpoint.fields import read_varint

_MAGIC = bytes.fromhex("57fb808b247547db")
_FOOTER = 48
_TRAILER = 5  # compression type and checksum behind each block
_MAX_BYTES = 1 << 28  # 256 MiB: one entry has about a hundred bytes, so more than a million tensors
_NONE, _SNAPPY = 0, 1
_MAX_RATIO = 22  # snappy: three bytes describe at most 64, so a larger announced size cannot be true


def read_table(path: Path) -> dict[bytes, bytes]:
    """All keys, ascending, and their values; every block's checksum is verified.

    Raises:
        InputError: no such file, or it is not a complete, undamaged table.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"larger than {_MAX_BYTES} bytes")
        return _entries(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}: give an existing checkpoint") from None
    except InputError as error:
        raise InputError(f"{path}: {error}: the checkpoint index is damaged or truncated: download it again") from None


def _entries(data: bytes) -> dict[bytes, bytes]:
    if len(data) < _FOOTER:
        raise InputError(f"{len(data)} bytes are less than a footer")
    footer = data[-_FOOTER:]
    if footer[-len(_MAGIC) :] != _MAGIC:
        raise InputError("no valid footer (bad magic number)")
    _, _, at = _handle(footer, 0)
    offset, size, _ = _handle(footer, at)
    found: dict[bytes, bytes] = {}
    last = None
    for _, value in _block_entries(_block(data, offset, size)):
        offset, size, _ = _handle(value, 0)
        for key, content in _block_entries(_block(data, offset, size)):
            if last is not None and key <= last:
                raise InputError(f"key {key!r} is not above the key before it")
            found[key] = content
            last = key
    return found


def _handle(data: bytes, at: int) -> tuple[int, int, int]:
    """Offset and size of a block, and the position behind them."""
    offset, at = read_varint(data, at)
    size, at = read_varint(data, at)
    return offset, size, at


def _block(data: bytes, offset: int, size: int) -> bytes:
    """The content of a block, verified and decompressed."""
    end = offset + size
    if end + _TRAILER > len(data) - _FOOTER:
        raise InputError(f"the block at {offset} of {size} bytes is outside the file")
    (stored,) = struct.unpack_from("<I", data, end + 1)
    if masked(crc32c(memoryview(data)[offset : end + 1])) != stored:
        raise InputError(f"the block at {offset} differs from its checksum")
    content, compression = data[offset:end], data[end]
    if compression not in (_NONE, _SNAPPY):
        raise InputError(f"the block at {offset} has the unknown compression {compression}")
    return _decompressed(content) if compression == _SNAPPY else content


def _decompressed(content: bytes) -> bytes:
    size, _ = read_varint(content, 0)
    if size > _MAX_RATIO * len(content):
        raise InputError(f"a compressed block of {len(content)} bytes cannot hold {size}")
    try:
        data: bytes = pa.decompress(content, decompressed_size=size, codec="snappy", asbytes=True)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"a compressed block is damaged ({error})") from None
    return data


def _block_entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values; a key is given by the length of what it shares with the one before, and the rest."""
    if len(block) < 4:
        raise InputError("a block is cut off")
    (restarts,) = struct.unpack_from("<I", block, len(block) - 4)
    end = len(block) - 4 - 4 * restarts
    if end < 0:
        raise InputError(f"a block of {len(block)} bytes cannot have {restarts} restarts")
    key, at = b"", 0
    while at < end:
        shared, at = read_varint(block, at)
        rest, at = read_varint(block, at)
        size, at = read_varint(block, at)
        if shared > len(key):
            raise InputError(f"a key shares {shared} bytes with a key of {len(key)}")
        if rest + size > end - at:
            raise InputError("an entry is cut off")
        key = key[:shared] + block[at : at + rest]
        at += rest
        yield key, block[at : at + size]
        at += size
