"""imgFp's merge: the three branches' scores summed, in the original's order of rows."""

from pathlib import Path

import pytest

from imgfp.fusion import sum_scores, write_merged_text
from imgfp.records import Pairs

ORDER = ("global", "local", "crop_local")


@pytest.fixture
def branches(golden: Path) -> list[Path]:
    folder = golden / "imgfp_sift" / "merge_score"
    if not folder.is_dir():
        pytest.fail(f"{folder} is not there")
    return [folder / f"{name}_pair_score.txt" for name in ORDER]


def test_final_file_byte_for_byte(branches: list[Path], tmp_path: Path) -> None:
    write_merged_text(tmp_path / "final.txt", sum_scores([Pairs.read_imgfp(path) for path in branches]))
    assert (tmp_path / "final.txt").read_bytes() == branches[0].with_name("final.txt").read_bytes()


def test_each_file_is_read_and_written_byte_for_byte(branches: list[Path], tmp_path: Path) -> None:
    for path in branches:
        Pairs.read_imgfp(path).write_imgfp(tmp_path / path.name, scored=True)
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_the_order_of_the_branches_decides_the_order_of_rows(branches: list[Path]) -> None:
    def rows(paths: list[Path]) -> list[tuple[str, str, float]]:
        merged = sum_scores([Pairs.read_imgfp(path) for path in paths])
        return list(zip(merged.query_ids.tolist(), merged.reference_ids.tolist(), merged.scores.tolist(), strict=True))

    forward, backward = rows(branches), rows(branches[::-1])
    assert forward != backward
    assert sorted(forward) == sorted(backward)
