"""The ground truth file: every query listed, an empty reference for a distractor."""

from pathlib import Path

import pytest

from imgfp.errors import InputError
from imgfp.records import GroundTruth


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ground_truth.csv"


def test_read_and_write(file: Path) -> None:
    file.write_text("query_id,reference_id\nQ2,\nQ1,R2\nQ1,R1\n")
    truth = GroundTruth.read_csv(file)
    assert truth.queries.tolist() == ["Q1", "Q2"]
    assert truth.pairs() == {("Q1", "R1"), ("Q1", "R2")}
    truth.write_csv(file)
    assert file.read_text() == "query_id,reference_id\nQ1,R1\nQ1,R2\nQ2,\n"


def test_of_rows_equals_read_rows(file: Path) -> None:
    rows = [("Q3", ""), ("Q1", "R1"), ("Q1", "R2")]
    made = GroundTruth.of(rows)
    made.write_csv(file)
    assert GroundTruth.read_csv(file).pairs() == made.pairs() == set(rows[1:])
    assert GroundTruth.read_csv(file).queries.tolist() == made.queries.tolist() == ["Q1", "Q3"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "query_id,reference_id,score\nQ1,R1,1\n",
            "row 1: wrong header 'query_id,reference_id,score': the first line must be 'query_id,reference_id'",
        ),
        ("query_id,reference_id\nQ1,R1\n,R2\n", "row 3: query_id is empty: give the id"),
        ("query_id,reference_id\nQ1,R1\nQ2,\nQ1,R1\n", "row 4: Q1,R1 repeats row 2: remove one of them"),
        ("query_id,reference_id\nQ1,\nQ1,\n", "row 3: Q1, repeats row 2"),
        ("query_id,reference_id\nQ1\n", "row 2: 'Q1' has 1 fields, not 2"),
    ],
)
def test_bad_file(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        GroundTruth.read_csv(file)
    assert str(caught.value).startswith(str(file))
    assert said in str(caught.value)


def test_missing_file(file: Path) -> None:
    with pytest.raises(InputError, match="no such file: give a CSV with the header query_id,reference_id"):
        GroundTruth.read_csv(file)


def test_header_alone_has_no_query(file: Path) -> None:
    file.write_text("query_id,reference_id\n")
    assert len(GroundTruth.read_csv(file).queries) == 0
