"""A few photographs that overlap, and keypoints extracted without worker processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from photographs import photograph

from imgfp.images import Failure
from imgfp.local.features import LocalFeatures


class InProcess:
    """Stands in for `ExtractionPool`, whose worker processes cost seconds to start."""

    def __init__(self, work: Callable[[Path], LocalFeatures | Failure]) -> None:
        self._work = work

    def __enter__(self) -> "InProcess":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def extract(self, paths: list[Path]) -> Iterator[LocalFeatures | Failure]:
        """As `ExtractionPool.extract`."""
        return map(self._work, paths)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker processes."""
    monkeypatch.setattr("imgfp.pipeline.pairs.stages.ExtractionPool", InProcess)


def write_overlapping(folder: Path) -> None:
    """a, b and c overlap; `far.png` shows something else."""
    folder.mkdir()
    wide = photograph("astronaut")
    for name, left in (("a", 0), ("b", 25), ("c", 50)):
        wide.crop((left, 0, left + 200, 230)).save(folder / f"{name}.png")
    photograph("coffee").save(folder / "far.png")
