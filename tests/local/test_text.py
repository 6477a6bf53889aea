"""imgFp's text form: what is said about bad lines."""

from pathlib import Path

import numpy as np
import pytest

from imgfp.errors import InputError
from imgfp.local.features import LocalFeatures
from imgfp.local.text import read_text, write_text

GOOD = "Q1_0_1.5_2.5_3_-1||" + ",".join(["7"] * 128)


def test_good_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(GOOD + "\n")
    features = read_text(tmp_path / "a.txt")
    assert features.keypoints.tolist() == [[1.5, 2.5, 3.0, -1.0]]
    assert features.descriptors.tolist() == [[7] * 128]


def test_no_features_is_an_empty_file(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "Q1", LocalFeatures.none(3, 4))
    assert (tmp_path / "a.txt").read_bytes() == b""
    assert len(read_text(tmp_path / "a.txt")) == 0


def test_six_significant_digits(tmp_path: Path) -> None:
    keypoints = np.array([[123.456789, 0.00001234567, 1e6, -3.14159265]], np.float32)
    write_text(tmp_path / "a.txt", "a_b", LocalFeatures(keypoints, np.zeros((1, 128), np.uint8), 0, 0))
    assert (tmp_path / "a.txt").read_text().startswith("a_b_0_123.457_1.23457e-05_1e+06_-3.14159||0,0,")


@pytest.mark.parametrize(
    "line",
    [
        GOOD.replace("||", "|"),
        GOOD.replace("1.5", "x"),
        GOOD + ",7",
        GOOD[:-2],
        GOOD[:-1] + "256",
        GOOD[:-1] + "-1",
        GOOD[:-1] + "1.5",
        "",
        GOOD.replace("Q1_0_1.5_", ""),
    ],
)
def test_bad_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.txt").write_text(f"{GOOD}\n{line}\n{GOOD}\n")
    with pytest.raises(InputError) as caught:
        read_text(tmp_path / "a.txt")
    assert str(caught.value).startswith(f"{tmp_path / 'a.txt'} line 2: {line[:60]!r} is not <id>_<n>_<x>_<y>")
    assert str(caught.value).endswith("extract the image again")
