"""The reader of TensorFlow checkpoints:

* whatever byte is changed or cut off, a tensor is refused or is exactly what was saved;
* what a file with valid checksums claims is compared with the files' sizes before anything is allocated;
* checksums, compression and integers agree with slow or independent versions.
"""

import contextlib
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from checkpoint_writer import HEADER, bundles_of, message, varint, write_checkpoint, write_index
from hypothesis import given
from hypothesis import strategies as st

from imgfp.errors import InputError
from imgfp.mirror.tf_checkpoint import Checkpoint
from imgfp.mirror.tf_checkpoint.crc32c import crc32c, masked
from imgfp.mirror.tf_checkpoint.entry import Slice
from imgfp.mirror.tf_checkpoint.fields import read_varint

RNG = np.random.default_rng(0)
TENSORS = {
    f"layer{n}/kernel": RNG.integers(0, 2, shape).astype(kind)
    for n, (shape, kind) in enumerate([((3, 2), "f4"), ((), "i8"), ((0, 4), "f8"), ((5,), "bool"), ((2, 1, 2), "f2")])
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    prefix = tmp_path_factory.mktemp("checkpoint") / "model.ckpt-5"
    write_checkpoint(prefix, TENSORS, per_block=3)
    return prefix


def files_of(prefix: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in prefix.parent.glob(f"{prefix.name}.*")}


@pytest.mark.parametrize("compressed", [False, True])
def test_what_was_saved_is_read(tmp_path: Path, compressed: bool) -> None:
    prefix = tmp_path / "model.ckpt-9"
    write_checkpoint(prefix, TENSORS, compressed, per_block=2)
    opened = Checkpoint.open(prefix)
    assert opened.names == tuple(sorted(TENSORS))
    for name, tensor in TENSORS.items():
        got = opened.read(name)
        assert (got.dtype, got.shape, got.tobytes()) == (tensor.dtype, tensor.shape, tensor.tobytes())
    assert Checkpoint.open(tmp_path / "model.ckpt-9.index").names == opened.names


@given(st.data())
def test_a_changed_or_shortened_file_never_gives_other_values(made: Path, tmp_path_factory, data) -> None:
    files = files_of(made)
    name = data.draw(st.sampled_from(sorted(files)))
    content = bytearray(files[name])
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[at] ^= data.draw(st.integers(1, 255))
    else:
        del content[at:]
    folder = tmp_path_factory.mktemp("changed")
    for each, whole in (files | {name: bytes(content)}).items():
        (folder / each).write_bytes(whole)
    served = 0
    with contextlib.suppress(InputError):
        opened = Checkpoint.open(folder / made.name)
        assert set(opened.names) == set(TENSORS)
        for each, tensor in TENSORS.items():
            with contextlib.suppress(InputError):
                assert opened.read(each).tobytes() == tensor.tobytes()
                served += 1
    assert served >= 2 or name.endswith(".index") or len(content) < len(files[name])  # a changed byte has one victim


def opened_with(folder: Path, entries: dict[bytes, bytes], data: bytes) -> Checkpoint:
    (folder / "m.data-00000-of-00001").write_bytes(data)
    write_index(folder / "m.index", {b"": HEADER, **dict(sorted(entries.items()))})
    return Checkpoint.open(folder / "m")


def test_claims_beyond_the_files_are_refused(tmp_path: Path) -> None:
    bundles, data = bundles_of({"w": TENSORS["layer0/kernel"]})
    bundle = bundles["w"]
    huge = 1 << 55
    for changed, said in [
        (bundle.but(shape=(huge,), size=4 * huge), "which has 24"),
        (bundle.but(shape=(huge, huge), size=24), "the number of elements of a shape of 2 axes overflows"),
        (bundle.but(shape=(0, huge, huge), size=0), "overflows"),
        (bundle.but(shape=(-1, -6)), "the shape is unknown"),
        (bundle.but(shape=(1,) * 40), "overflows"),
        (bundle.but(offset=-4), "is negative"),
        (bundle.but(shard=1), "shard 1 of 1"),
        (bundle.but(kind=8), "unknown dtype 8"),
        (bundle.but(kind=7, shape=(1 << 30,)), "24 bytes cannot hold 1073741824 strings"),
        (bundle.but(slices=(((0, huge), (0, 2)),)), "is outside the shape"),
    ]:
        with pytest.raises(InputError, match=said):
            opened_with(tmp_path, {b"w": changed.encoded()}, data).read("w")


def test_parts_of_a_tensor(tmp_path: Path) -> None:
    whole = np.arange(200 * 3, dtype=np.float32).reshape(200, 3)
    places = (((0, 70), (0, -1)), ((70, 100), (0, 3)), ((170, 30), (0, 3)))
    parts = {Slice(place).key(b"w").decode("latin-1"): whole[place[0][0] :][: place[0][1]] for place in places}
    bundles, data = bundles_of(parts)
    entries = {name.encode("latin-1"): bundle.encoded() for name, bundle in bundles.items()}
    first = next(iter(bundles.values()))
    entry = first.but(shape=whole.shape, size=0, crc=0, slices=tuple((p[0], (0, 3)) for p in places))
    keys = {Slice((place[0], (0, 3))).key(b"w"): value for place, value in zip(places, entries.values(), strict=True)}
    assert np.array_equal(opened_with(tmp_path, keys | {b"w": entry.encoded()}, data).read("w"), whole)
    assert opened_with(tmp_path, keys | {b"w": entry.encoded()}, data).names == ("w",)
    for slices, said in [
        (entry.slices[:2], "its 2 parts do not add up to the shape"),
        ((*entry.slices[:2], entry.slices[2][::-1]), "is outside the shape"),
        ((((0, 70), (0, 3)), *entry.slices[1:2], ((0, 30), (0, 3))), "not in the index"),
    ]:
        broken = entry.but(slices=slices).encoded()
        with pytest.raises(InputError, match=said):
            opened_with(tmp_path, keys | {b"w": broken}, data).read("w")
    # one part named many times would need more memory than the files have bytes
    many = entry.but(shape=(70 * 50, 3), slices=(((0, 70), (0, 3)),) * 50)
    opened = opened_with(tmp_path, keys | {b"w": many.encoded()}, data)
    with pytest.raises(InputError, match="do not add up"):
        opened.read("w")


def test_keys_of_parts_sort_as_numbers_do() -> None:
    numbers = [-(1 << 40), -8193, -8192, -65, -64, -1, 0, 63, 64, 8191, 8192, 1 << 20, 1 << 40, 1 << 62]
    keys = [Slice(((number, 0),)).key(b"n") for number in numbers]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


def test_errors_name_what_to_do(tmp_path: Path, made: Path) -> None:
    with pytest.raises(InputError, match=r"model.ckpt-6.index: no such file; that folder has model.ckpt-5: give one"):
        Checkpoint.open(made.with_name("model.ckpt-6"))
    with pytest.raises(InputError, match=r"no such file: give the path of a checkpoint without .index"):
        Checkpoint.open(tmp_path / "none" / "model.ckpt-6")
    (tmp_path / "old.ckpt").write_bytes(b"x")
    with pytest.raises(InputError, match="a single file is a V1 checkpoint"):
        Checkpoint.open(tmp_path / "old.ckpt")
    with pytest.raises(
        InputError, match="tensor w: not in the index: the checkpoint is damaged or truncated: download it again"
    ):
        Checkpoint.open(made).read("w")
    write_index(tmp_path / "m.index", {b"": message((1, 1), (2, 1))})
    with pytest.raises(InputError, match="its data are big-endian"):
        Checkpoint.open(tmp_path / "m")


def test_crc32c_of_the_standard_and_of_parts() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert masked(crc32c(b"")) == 2726488792


@given(st.binary(max_size=100), st.integers(0, 100))
def test_crc32c_equals_the_bitwise_definition(data: bytes, at: int) -> None:
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    assert crc32c(data) == state ^ 0xFFFFFFFF
    assert crc32c(data[at:], crc32c(data[:at])) == crc32c(data)


@given(st.integers(0, (1 << 64) - 1))
def test_integers_of_variable_length(value: int) -> None:
    code = varint(value)
    assert read_varint(code, 0) == (value, len(code))
    with pytest.raises(InputError, match="cut off"):
        read_varint(code[:-1], 0)
    with pytest.raises(InputError, match="more than 64 bits"):
        read_varint(b"\xff" * 9 + b"\x02", 0)


def test_a_compressed_block_cannot_announce_more_than_it_holds(tmp_path: Path) -> None:
    from imgfp.mirror.tf_checkpoint.table import _decompressed

    code = pa.compress(b"abc" * 100, codec="snappy", asbytes=True)
    assert _decompressed(code) == b"abc" * 100
    size = len(varint(300))
    for damaged in (varint(1 << 40) + code[size:], varint(299) + code[size:], code[:-1]):
        with pytest.raises(InputError, match=r"cannot hold|is damaged"):
            _decompressed(damaged)


def test_strings(tmp_path: Path) -> None:
    words = [b"alpha", b"", b"x" * 300]
    lengths = struct.pack("<3I", *map(len, words))
    check = struct.pack("<I", masked(crc32c(lengths)))
    data = b"".join(varint(len(word)) for word in words) + check + b"".join(words)
    crc = masked(crc32c(lengths + check + b"".join(words)))
    bundle = bundles_of({"w": np.zeros(1, np.float32)})[0]["w"].but(kind=7, shape=(3,), size=len(data), crc=crc)
    assert opened_with(tmp_path, {b"w": bundle.encoded()}, data).read("w").tolist() == words
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises(InputError, match="tensor w: "):
            opened_with(tmp_path, {b"w": bundle.encoded()}, bytes(changed)).read("w")
