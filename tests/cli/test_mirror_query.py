"""imgfp mirror query: files in, match_pairs out, and bad input."""

from pathlib import Path

import numpy as np
import pytest

from imgfp.cli.main import main
from imgfp.records.match_pairs import MatchPairs


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """Twelve files of 3 regions of 8 numbers; the last repeats the first."""
    features = np.random.default_rng(0).standard_normal((12, 8, 3)).astype(np.float32)
    features[-1] = features[0]
    names = [f"i{row}.npy" for row in range(12)]
    for name, feature in zip(names, features, strict=True):
        np.save(tmp_path / name, feature)
    (tmp_path / "list.txt").write_text("\n".join(names) + "\n")
    return tmp_path / "list.txt"


def ask(listed: Path, *options: object) -> int:
    out = listed.parent / "out"
    return main(["mirror", "query", "--feature-list", str(listed), "--out", str(out), *map(str, options)])


def test_every_image_is_its_own_best_answer(listed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = listed.parent / "pca.npz"
    assert ask(listed, "--top", 4, "--out-dim", 6, "--qe", 2, "--et", 1, "--save-pca", stored) == 0
    assert "48 answers for 12 queries" in capsys.readouterr().out
    fitted = (listed.parent / "out" / "match_pairs").read_bytes()
    pairs = MatchPairs.read(listed.parent / "out" / "match_pairs")
    assert [row[0] for row in pairs.answers_of(12)] == [0, *range(1, 11), 0]
    assert ask(listed, "--top", 4, "--pca-file", stored, "--qe", 2, "--et", 1) == 0
    assert (listed.parent / "out" / "match_pairs").read_bytes() == fitted


def test_an_unreadable_file_is_named_and_positions_stay(listed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (listed.parent / "i4.npy").write_bytes(b"\x93NUMPY")
    np.save(listed.parent / "i7.npy", np.full((8, 3), np.nan, dtype=np.float32))
    assert ask(listed, "--top", 20) == 3
    assert "2 image(s) skipped" in capsys.readouterr().err
    assert "i4.npy" in (listed.parent / "out" / "failures.csv").read_text()
    pairs = MatchPairs.read(listed.parent / "out" / "match_pairs")
    assert set(pairs.queries.tolist()) == set(pairs.database.tolist()) == set(range(12)) - {4, 7}


def test_a_preset_gives_what_no_option_gives(listed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(listed, "--preset", "holidays", "--qe", 2) == 0
    said = capsys.readouterr()
    assert "120 answers for 12 queries" in said.out  # top 10
    assert "12 images are too few to fit 512 dimensions" in said.err
    assert "--qe 2 without rounds: queries are not expanded" in said.err
    assert ask(listed, "--preset", "holidays", "--pca-thresh", 0.9) == 0  # instead of the preset's 512 dimensions
    assert "no whitening" not in capsys.readouterr().err
    assert main(["mirror", "query", "--preset", "gl3d", "--show"]) == 0
    assert "--out-dim 256 --top 200" in capsys.readouterr().out


def test_one_image(listed: Path) -> None:
    listed.write_text("i3.npy\n")
    assert ask(listed, "--out-dim", 256) == 0
    assert MatchPairs.read(listed.parent / "out" / "match_pairs").database.tolist() == [0]


def test_clear_lines_for_bad_input(listed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(*options: object) -> str:
        assert ask(listed, *options) == 2
        return capsys.readouterr().err

    assert "i99.npy: no such file: fix the name" in refused("--query-list", _written(listed, "i1.npy\ni99.npy"))
    assert "--top 0: must be an integer >= 1" in refused("--top", 0)
    assert "search=two-stage is for PR-MAC by inner products only" in refused("--search", "two-stage", "--rmac")
    for options, other in (
        (("--out-dim", 4, "--pca-file", "x.npz"), "--out-dim"),
        (("--pca-thresh", 0.5, "--out-dim", 4), "--pca-thresh"),
        (("--rmac", "--aml"), "--rmac"),
    ):
        with pytest.raises(SystemExit):
            ask(listed, *options)
        assert f"not allowed with argument {other}" in capsys.readouterr().err
    assert "no whitening was used" in refused("--save-pca", listed.parent / "x.npz")
    for name, shape in (("r.npy", (8, 4)), ("d.npy", (7, 3))):
        np.save(listed.parent / name, np.ones(shape, dtype=np.float32))
    assert "has 3 of 8: describe all images" in refused("--query-list", _written(listed, "i1.npy\nr.npy"))
    assert "queries have 3 regions of 7 numbers, the database 3 of 8" in refused(
        "--query-list", _written(listed, "d.npy")
    )
    np.save(listed.parent / "text.npy", np.array(["text"]))
    assert "none of the 1 files can be read" in refused("--query-list", _written(listed, "text.npy"))
    (listed.parent / "empty.txt").write_text("\n")
    assert "the list is empty" in refused("--query-list", listed.parent / "empty.txt")


def _written(listed: Path, text: str) -> Path:
    path = listed.with_name("queries.txt")
    path.write_text(text)
    return path
