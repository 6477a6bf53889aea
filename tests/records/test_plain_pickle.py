"""Pickles of plain data: what pickle wrote in any protocol is read; anything that would run code is refused.

Only the tests import pickle, to write files.
"""

import json
import os
import pickle
import re
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgfp.cli.main import main
from imgfp.errors import InputError
from imgfp.records.plain_pickle import read_plain_pickle

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
numbers = st.one_of(
    st.integers(-(1 << 63), (1 << 64) - 1), st.floats(allow_nan=False), st.booleans(), st.none(), st.text(max_size=8)
)
content = st.recursive(
    numbers,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)),
)


@pytest.fixture
def read(tmp_path: Path):
    def run(data: bytes) -> object:
        (tmp_path / "file.pkl").write_bytes(data)
        return read_plain_pickle(tmp_path / "file.pkl")

    return run


@given(content, st.sampled_from(PROTOCOLS))
def test_plain_values_in_every_protocol(tmp_path_factory, value, protocol: int) -> None:
    path = tmp_path_factory.getbasetemp() / "value.pkl"
    path.write_bytes(pickle.dumps(value, protocol))
    assert read_plain_pickle(path) == value


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_in_every_protocol(read, protocol: int) -> None:
    base = np.random.default_rng(0).standard_normal((3, 4))
    arrays = [base, base.T, base.astype(">f4"), np.arange(6, dtype=np.uint8), np.array([True, False]), np.zeros((0, 2))]
    shared = {"gnd": [{"easy": arrays[3], "again": arrays[3]}], "all": arrays, "number": np.float32(0.5)}
    found = read(pickle.dumps(shared, protocol))
    assert found["number"] == 0.5
    assert np.array_equal(found["gnd"][0]["again"], arrays[3])
    for got, wanted in zip(found["all"], arrays, strict=True):
        assert np.array_equal(got, wanted)
        assert got.dtype == wanted.dtype.newbyteorder("=")


def test_what_python_2_wrote(read) -> None:
    """A dict of text, and an array of two float64, in Python 2's protocol 0."""
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\ntcnumpy\ndtype\n(S'f8'\nI0\nI1\n"
        b"tR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'"
        + rb"\x00\x00\x00\x00\x00\x00\xf0?\x00\x00\x00\x00\x00\x00\x00@"
        + b"'\ntb"
    )
    assert read(array + b".").tolist() == [1, 2]
    assert read(b"(dS'caf\\xe9'\nL5L\ns.") == {"café": 5}


class Harmful:
    def __reduce__(self):
        return os.system, ("touch harmed",)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Harmful(), "names '(posix|nt).system', which is no plain data"),
        (OrderedDict(a=1), "names 'collections.OrderedDict', which is no plain data"),
        (print, "names '(__builtin__|builtins).print', which is no plain data"),
        (np.array([None, "x"], dtype=object), "dtype 'O8'"),
        (np.zeros(1, dtype=[("a", "f4")]), "dtype 'V4'"),
        ({(1, 2): 3}, "the pickle is damaged or truncated"),
        (1 << 65, "an integer of more than 64 bits"),
    ],
)  # fmt: skip
def test_anything_else_is_refused(read, tmp_path: Path, monkeypatch, value: object, said: str, protocol: int) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=said) as error:
        read(pickle.dumps(value, protocol))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize(
    "data",
    [
        b"", b".", b"N", b"(.", b"(t", b"0.", b"h\x05.", b"]K\x01s.", b"}K\x01a.", b"\xff.", b"Nb.", b"NNR.", b"(K\x01R.",
        b"cnumpy\ndtype\n.", b"cnumpy.core.multiarray\n_reconstruct\n)R.", b"cnumpy\ndtype\n(S'f8'\ntR.", b"P1\n.",
        b"i__main__\nx\n.", b"(c__main__\nx\no.", b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.", b"\x80\x05\x97.",
        b"c_codecs\nencode\n(S'x'\nS'rot13'\ntR.", b"S'x\n.", b"I" + b"9" * 5000 + b"\n.",
        b"]q\x00h\x00a.",  # a list that contains itself
    ],
)  # fmt: skip
def test_damaged_or_hostile_bytes_are_refused(read, data: bytes) -> None:
    with pytest.raises(InputError, match=r"file\.pkl: "):
        read(data)


def test_lists_that_multiply_are_refused(read) -> None:
    """40 lists of ten times the one before: a few hundred bytes that would be 10^40 values."""
    data = b"]q\x00" + b"".join(
        b"](" + b"h" + bytes([n]) + (b"h" + bytes([n])) * 9 + b"eq" + bytes([n + 1]) for n in range(40)
    )
    with pytest.raises(InputError, match="repeats its parts too often"):
        read(b"(" + data + b"l.")


def test_a_shape_beyond_the_bytes_is_refused(read) -> None:
    good = pickle.dumps(np.zeros(3), 2)
    with pytest.raises(InputError, match="an array of 24 bytes does not have the shape"):
        read(good.replace(b"K\x03\x85", b"K\x7f\x85"))


@given(st.data())
def test_a_changed_byte_never_ends_in_anything_but_data_or_a_line(tmp_path_factory, data) -> None:
    good = pickle.dumps(
        {"imlist": ["a"], "gnd": [{"easy": np.arange(3), "x": (1.5, None)}]}, data.draw(st.sampled_from(PROTOCOLS))
    )
    at, byte = data.draw(st.integers(0, len(good) - 1)), data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "changed.pkl"
    path.write_bytes(good[:at] + bytes([byte]) + good[at + 1 :])
    try:
        read_plain_pickle(path)
    except InputError as error:
        message = str(error)
        assert re.match(r".*changed\.pkl: [^\n]*$", message), message


def test_the_command(tmp_path: Path, capsys) -> None:
    source, rng = tmp_path / "in.pkl", np.random.default_rng(0)
    source.write_bytes(pickle.dumps({"imlist": ["a"], "gnd": [{"easy": np.array([1, 2]), "bbx": (0.5, 1)}]}))
    assert main(["convert-pickle", str(source), str(tmp_path / "out.json")]) == 0
    assert json.loads((tmp_path / "out.json").read_text()) == {
        "imlist": ["a"],
        "gnd": [{"easy": [1, 2], "bbx": [0.5, 1]}],
    }
    parts = [rng.standard_normal(shape) for shape in (4, (2, 4), 2)]
    source.write_bytes(pickle.dumps(parts))
    names = ["mean", "eigvec", "eigval"]
    assert main(["convert-pickle", str(source), str(tmp_path / "pca.npz"), "--names", ",".join(names)]) == 0
    with np.load(tmp_path / "pca.npz") as stored:
        assert all(np.array_equal(stored[name], part) for name, part in zip(names, parts, strict=True))
    capsys.readouterr()
    for content, arguments, line in [
        (parts, ["out.npz"], "the pickle holds a list of 3: give as many names, --names A,B,..."),
        (parts, ["out.npz", "--names", "mean"], "the pickle holds a list of 3: give as many names, --names A,B,..."),
        (parts, ["out.txt"], f"{tmp_path}/out.txt: give a file .json, or .npz (with --names for the arrays of a list)"),
        (
            {"a": [[1], [2, 3]]},
            ["out.npz"],
            "'a' in the pickle cannot be an array of an NPZ file: give a .json file to write",
        ),
        (
            {"file": [1]},
            ["out.npz"],
            "'file' in the pickle cannot be an array of an NPZ file: give a .json file to write",
        ),
        (5, ["out.npz"], "the pickle holds no list of arrays: give a .json file to write, without --names"),
    ]:
        source.write_bytes(pickle.dumps(content))
        assert main(["convert-pickle", str(source), f"{tmp_path}/{arguments[0]}", *arguments[1:]]) == 2
        assert capsys.readouterr().err == f"imgfp convert-pickle: {line}\n"
