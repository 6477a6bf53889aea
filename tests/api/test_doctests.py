"""The examples in the docstrings of the public API give what they state."""

import doctest
from pathlib import Path

import pytest
from photographs import photograph
from PIL import ImageEnhance

import imgfp


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the examples start from: photos/, queries/, album/ and ground_truth.csv in the working folder."""
    for name in ("photos", "queries", "album"):
        (tmp_path / name).mkdir()
    for name in ("astronaut", "chelsea", "coffee"):
        photograph(name).save(tmp_path / "photos" / f"{name}.png")
    cropped = ImageEnhance.Brightness(photograph("astronaut").crop((20, 10, 230, 190))).enhance(1.2)
    cropped.save(tmp_path / "queries" / "cropped.jpg")
    for image, name in (
        (photograph("astronaut"), "astronaut.png"),
        (cropped, "cropped.jpg"),
        (photograph("coffee"), "coffee.png"),
    ):
        image.save(tmp_path / "album" / name)
    (tmp_path / "ground_truth.csv").write_text("query_id,reference_id\ncropped,astronaut\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_examples(folder: Path, one_process) -> None:
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    said: list[str] = []
    tried = 0
    for name in ("find", "build_index", "open_index", "duplicates", "pairs", "evaluate", "Searcher"):
        (example,) = finder.find(getattr(imgfp, name), name, globs={})
        result = runner.run(example, out=said.append)
        assert result.attempted, name
        tried += result.attempted
        assert result.failed == 0, "".join(said)
    assert tried > 15
