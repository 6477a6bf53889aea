"""Pairs files in all their forms, and what is said about bad ones."""

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgfp.errors import InputError
from imgfp.records import Pairs
from imgfp.records.tables import find_names, first_duplicate

HEADER = "query_id,reference_id,score\n"


def rows(pairs: Pairs) -> list[tuple[str, str, float]]:
    return list(zip(pairs.query_ids.tolist(), pairs.reference_ids.tolist(), pairs.scores.tolist(), strict=True))


def refused(path: Path, read=Pairs.read_csv) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pairs.csv"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "query,reference,score\nQ1,R1,1\n",
            "row 1: wrong header 'query,reference,score': the first line must be 'query_id,reference_id,score'",
        ),
        ("", "row 1: wrong header ''"),
        ("Q1,R1,1\n", "row 1: wrong header 'Q1,R1,1'"),
        (HEADER + "Q1,R1,1\nQ2,R2,high\n", "row 3: score 'high' is not a number: fix the value"),
        (HEADER + "Q1,R1,\n", "row 2: score '' is not a number"),
        (
            HEADER + "Q1,R1,1\nQ2,R2,nan\n",
            "row 3: score is NaN, which cannot be ranked: give a number or remove the row",
        ),
        (HEADER + "Q1,R1,1\nQ2,R2\n", "row 3: 'Q2,R2' has 2 fields, not 3 (query_id,reference_id,score): fix the row"),
        (HEADER + "Q1,R1,1,9\n", "row 2: 'Q1,R1,1,9' has 4 fields, not 3"),
        (HEADER + ",R1,1\n", "row 2: query_id is empty: give the id"),
        (HEADER + "Q1,,1\n", "row 2: reference_id is empty: give the id"),
        (
            HEADER + "Q1,R1,1\nQ2,R1,1\nQ1,R1,3\n",
            "row 4: the pair Q1,R1 repeats row 2: keep only one of them, the one with the higher score",
        ),
    ],
)
def test_bad_csv(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    assert said in refused(file)


def test_csv_that_is_not_utf8(file: Path) -> None:
    file.write_bytes(HEADER.encode() + b"Q1,R1,1\nQ\xff,R1,1\n")
    assert "row 3" in refused(file)
    assert "save the file as UTF-8" in refused(file)


def test_bad_row_number_is_reported(file: Path) -> None:
    file.write_text(
        HEADER + "".join(f"Q{n},R1,0.5\n" for n in range(120_000)) + "Q1,R2\n"
    )  # beyond Arrow's first block
    assert "row 120002: 'Q1,R2' has 2 fields" in refused(file)


def test_missing_file(file: Path) -> None:
    for read in (Pairs.read_csv, Pairs.read_imgfp, Pairs.read_parquet):
        refused(file, read)
    assert "no such file: give a CSV with the header query_id,reference_id,score" in refused(file)


@pytest.mark.parametrize("text", [HEADER, HEADER.strip(), HEADER + "\n"])
def test_header_alone_is_an_empty_result(file: Path, text: str) -> None:
    file.write_text(text)
    assert len(Pairs.read_csv(file)) == 0


def test_infinities_and_odd_spellings_are_numbers(file: Path) -> None:
    file.write_bytes(
        b"\xef\xbb\xbfquery_id,reference_id,score\r\nQ1,R1,inf\r\nQ2,R2,-Infinity\r\nQ3,R3,1e-3\r\nQ4,R4,-0\r\n"
    )
    assert rows(Pairs.read_csv(file)) == [
        ("Q1", "R1", math.inf),
        ("Q2", "R2", -math.inf),
        ("Q3", "R3", 0.001),
        ("Q4", "R4", 0.0),
    ]


ids = st.text(st.characters(min_codepoint=33, exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
some_pairs = st.lists(
    st.tuples(ids, ids, st.floats(allow_nan=False)), max_size=20, unique_by=lambda row: (row[0], row[1])
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some_pairs)
def test_csv_and_parquet_give_back_what_was_written(tmp_path: Path, listed) -> None:
    pairs = Pairs.of(listed)
    pairs.write_csv(tmp_path / "p.csv")
    columns = {name: getattr(pairs, f"{name}s").tolist() for name in HEADER.strip().split(",")}
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "p.parquet")
    assert rows(Pairs.read_csv(tmp_path / "p.csv")) == listed
    assert rows(Pairs.read_parquet(tmp_path / "p.parquet")) == listed


def test_csv_bytes(file: Path) -> None:
    Pairs.of([("Q1", "R1", 1 / 3), ("Q2", "R,2", -math.inf)]).write_csv(file)
    assert file.read_text() == HEADER + 'Q1,R1,0.3333333333333333\nQ2,"R,2",-inf\n'


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"query_id": ["Q1"], "reference_id": ["R1"]}, "not a Parquet file with columns query_id,reference_id,score"),
        ({"query_id": ["Q1", None], "reference_id": ["R1", "R2"], "score": [1.0, 2.0]}, "row 2: query_id is null"),
        ({"query_id": ["Q1"], "reference_id": ["R1"], "score": [math.nan]}, "row 1: score is NaN"),
        (
            {"query_id": ["Q1"] * 2, "reference_id": ["R1"] * 2, "score": [1.0, 2.0]},
            "row 2: the pair Q1,R1 repeats row 1",
        ),
    ],
)
def test_bad_parquet(tmp_path: Path, columns: dict[str, list], said: str) -> None:
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "p.parquet")
    assert said in refused(tmp_path / "p.parquet", Pairs.read_parquet)


def test_text_given_as_parquet(file: Path) -> None:
    file.write_text(HEADER)
    assert "not a Parquet file" in refused(file, Pairs.read_parquet)


def test_imgfp_text(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("Q1.jpg,R1.jpg,score:12\nQ2.jpg,R2.jpg\n\nQ3\tR3\t7\n")
    assert rows(Pairs.read_imgfp(path)) == [("Q1", "R1", 12.0), ("Q2", "R2", 0.0), ("Q3", "R3", 7.0)]
    Pairs.of([("Q1", "R1", 12.0)]).write_imgfp(path, scored=True)
    assert path.read_text() == "Q1.jpg,R1.jpg,score:12\n"
    Pairs.of([("Q1", "R1", 12.0)]).write_imgfp(path, scored=False)
    assert path.read_text() == "Q1.jpg,R1.jpg\n"


@pytest.mark.parametrize("line", ["Q1.jpg", "Q1.jpg,R1.jpg,score:high", "Q1.jpg,R1.jpg,1,2", "Q1.jpg,R1.jpg,score:nan"])
def test_bad_imgfp_text(tmp_path: Path, line: str) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text(f"Q0.jpg,R0.jpg,score:1\n{line}\n")
    assert f"row 2: {line!r} is not 'Q.jpg,R.jpg[,score:N]': fix the line" in refused(path, Pairs.read_imgfp)


@pytest.mark.parametrize("score", [0.5, math.inf])
def test_imgfp_text_holds_whole_numbers(tmp_path: Path, score: float) -> None:
    with pytest.raises(InputError, match=f"score {score} of Q1,R1 is not an integer"):
        Pairs.of([("Q1", "R1", score)]).write_imgfp(tmp_path / "p.txt", scored=True)
    assert not (tmp_path / "p.txt").exists()


def test_best_first_breaks_ties_by_id() -> None:
    listed = [("Q2", "R1", 1.0), ("Q1", "R2", 1.0), ("Q1", "R1", 1.0), ("Q9", "R9", 2.0)]
    assert rows(Pairs.of(listed).best_first()) == [listed[3], listed[2], listed[1], listed[0]]


def test_columns_of_different_length_are_a_defect() -> None:
    with pytest.raises(ValueError, match="2 queries, 1 references, 1 scores"):
        Pairs(np.array(["a", "b"]), np.array(["c"]), np.array([1.0]))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "xy", ""])), max_size=12))
def test_first_duplicate_equals_a_plain_walk(listed) -> None:
    seen: dict[tuple[str, str], int] = {}
    wanted = None
    for row, pair in enumerate(listed):
        if pair in seen:
            wanted = (seen[pair], row)
            break
        seen[pair] = row
    columns = np.array(listed, dtype=str).reshape(-1, 2)
    assert first_duplicate(columns[:, 0], columns[:, 1]) == wanted


@given(st.lists(ids, max_size=10), st.lists(ids, max_size=10, unique=True))
def test_find_names_equals_a_dictionary(names, among) -> None:
    place = {name: index for index, name in enumerate(among)}
    found = find_names(np.array(names + among[::2], dtype=str), np.array(among, dtype=str))
    assert found.tolist() == [place.get(name, -1) for name in names + among[::2]]
