"""Strict reader for small CSV tables: every error names file, row, value and fix."""

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from imgfp.errors import InputError


def read_columns(path: Path, header: tuple[str, ...]) -> list[np.ndarray]:
    """Reads a CSV with exactly this header.

    Returns:
        One array of str per column; an empty field is "".

    Raises:
        InputError: the file is missing, is not UTF-8 text, has a different header or a row with the wrong number of fields.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file: give a CSV with the header {','.join(header)}")
    expected = ",".join(header)
    with path.open("rb") as handle:
        first = handle.readline().decode("utf-8-sig", errors="replace").strip()
    if first.replace('"', "").replace(" ", "") != expected:
        raise InputError(f"{path} row 1: wrong header {first[:80]!r}: the first line must be '{expected}'")
    read = pyarrow.csv.ReadOptions(column_names=list(header), skip_rows=1)
    convert = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False)
    try:
        table = pyarrow.csv.read_csv(path, read_options=read, convert_options=convert)
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error) or "Could not skip initial" in str(error):  # the header alone
            return [np.array([], dtype=str) for _ in header]
        raise InputError(f"{path} {_first_bad_row(path, header) or one_line(error)}") from None
    return [_strings(table.column(name)) for name in header]


def parse_floats(path: Path, texts: np.ndarray, what: str, first_row: int = 2) -> np.ndarray:
    """Parses texts as float64; infinities are allowed, NaN is not.

    Raises:
        InputError: names the row and the invalid value. `first_row` is the number of the first row; a CSV's header is row 1.
    """
    try:
        values = texts.astype(np.float64)
    except ValueError:
        row = next(index for index, text in enumerate(texts) if not _is_number(text))
        raise InputError(
            f"{path} row {row + first_row}: {what} {str(texts[row])!r} is not a number: fix the value"
        ) from None
    if np.isnan(values).any():
        row = int(np.flatnonzero(np.isnan(values))[0])
        raise InputError(
            f"{path} row {row + first_row}: {what} is NaN, which cannot be ranked: give a number or remove the row"
        )
    return values


def first_duplicate(*columns: np.ndarray) -> tuple[int, int] | None:
    """The first row that repeats an earlier one in all `columns`, as positions (earlier, later); None if all are distinct."""
    codes = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        encoded = _as_keys(column)[0].dictionary_encode()
        codes = codes * len(encoded.dictionary) + encoded.indices.to_numpy()
    ordered = np.sort(codes)
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(repeated):
        return None
    rows = np.flatnonzero(np.isin(codes, repeated))
    _, first, inverse = np.unique(codes[rows], return_index=True, return_inverse=True)
    place = int(np.flatnonzero(first[inverse] != np.arange(len(rows)))[0])
    return int(rows[first[inverse[place]]]), int(rows[place])


def find_names(names: np.ndarray, among: np.ndarray) -> np.ndarray:
    """(n,) int32: position of the first occurrence of each of `names` in `among`, -1 if absent."""
    keys, value_set = _as_keys(names, among)
    return pc.index_in(keys, value_set=value_set).fill_null(-1).to_numpy()


def _as_keys(*columns: np.ndarray) -> list[pa.Array]:
    """Columns of str as keys for Arrow's hash tables, much faster than sorting strings; keys are equal iff strings are.

    Ids of at most eight characters below U+0100, the common case, become integers, others fixed-width bytes.
    """
    assert all(column.dtype.kind == "U" for column in columns), [column.dtype for column in columns]
    points = [
        np.ascontiguousarray(column).view(np.uint32).reshape(len(column), column.dtype.itemsize // 4)
        for column in columns
    ]
    width = max(each.shape[1] for each in points)
    if width <= 8 and all(each.max(initial=0) < 256 for each in points):
        short = (each.astype(np.uint8).view(f"S{each.shape[1]}").ravel() for each in points)
        return [pa.array(each.astype("S8").view(np.uint64)) for each in short]
    wide = (np.ascontiguousarray(column, dtype=f"U{width}") for column in columns)
    return [
        pa.FixedSizeBinaryArray.from_buffers(pa.binary(4 * width), len(each), [None, pa.py_buffer(each)])
        for each in wide
    ]


def _strings(column: pa.ChunkedArray) -> np.ndarray:
    encoded = column.combine_chunks().dictionary_encode()
    names = np.array(encoded.dictionary.to_pylist(), dtype=str)
    return names[encoded.indices.to_numpy()] if len(names) else np.array([], dtype=str)


def _first_bad_row(path: Path, header: tuple[str, ...]) -> str | None:
    """Arrow reads in parallel and does not report the row: scan the file again, slowly."""
    with path.open("rb") as raw:
        for number, line in enumerate(raw, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return f"row {number}: {line[:60]!r} is not UTF-8: save the file as UTF-8"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        for fields in rows:
            if fields and len(fields) != len(header):
                text = ",".join(fields)[:80]
                return f"row {rows.line_num}: {text!r} has {len(fields)} fields, not {len(header)} ({','.join(header)}): fix the row"
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def one_line(error: Exception) -> str:
    """A library's error message, collapsed to one line of at most 200 characters."""
    return " ".join(str(error).split())[:200]
