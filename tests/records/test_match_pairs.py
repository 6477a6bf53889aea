"""match_pairs: text in, text out, and bad lines."""

from pathlib import Path

import numpy as np
import pytest

from imgfp.errors import InputError
from imgfp.records.match_pairs import MatchPairs


def test_text_is_read_and_written(tmp_path: Path) -> None:
    text = "1 0 1.0\n1 7 0.6451644463972612\n0 2 -3.79302284934304e-08"
    (tmp_path / "a").write_text(text)
    pairs = MatchPairs.read(tmp_path / "a")
    assert [row.tolist() for row in pairs.answers_of(3)] == [[2], [0, 7], []]
    pairs.write(tmp_path / "b")
    assert (tmp_path / "b").read_text() == text
    (tmp_path / "a").write_text("\n")
    assert len(MatchPairs.read(tmp_path / "a")) == 0


@pytest.mark.parametrize("line", ["0 1", "0 1 x", "0 1 nan", "-1 1 0.5", "0 1.5 0.5", "0 1 0.5 2"])
def test_bad_lines(line: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text(f"0 0 1.0\n{line}\n")
    with pytest.raises(InputError, match=r"line 2: .* is not '<query index> <database index> <score>': fix the line"):
        MatchPairs.read(tmp_path / "a")


def test_repeated_answers_and_missing_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("0 3 1.0\n0 3 0.9\n")
    with pytest.raises(InputError, match="line 2: the answer 3 of query 0 appears twice"):
        MatchPairs.read(tmp_path / "a")
    with pytest.raises(InputError, match="no such file"):
        MatchPairs.read(tmp_path / "b")


def test_indices_beyond_the_lists() -> None:
    pairs = MatchPairs(np.array([0, 2]), np.array([5, 1]), np.array([1.0, 0.5]))
    pairs.require_within(3, 6, "file")
    with pytest.raises(InputError, match="file: query index 2, but the query list has 2 images"):
        pairs.require_within(2, 6, "file")
    with pytest.raises(InputError, match="file: database index 5, but the database list has 5 images"):
        pairs.require_within(3, 5, "file")
