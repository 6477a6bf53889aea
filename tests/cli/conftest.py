"""A very small set in DISC's layout, and the program called within this process."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from imgfp.cli.main import main
from imgfp.pipeline import demo_set


@dataclass(frozen=True)
class Said:
    """What one command printed and how it ended. `errors`: lines on standard error without progress."""

    code: int
    out: str
    errors: list[str]


@pytest.fixture
def imgfp(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Runs one command: imgfp("find", queries, references, ...)."""
    monkeypatch.setenv("IMGFP_THREADS", "1")

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse
            code = int(end.code or 0)
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        announced = ("local candidates: ", "making the demonstration set", "preset imgfp: ")
        return Said(code, said.out, [line for line in said.err.splitlines() if not line.startswith(announced)])

    return run


@pytest.fixture(scope="session")
def tiny_disc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """5 references, 3 training images, 5 queries made from references and 2 others."""
    pytest.importorskip("skimage")
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp("disc") / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        for name, count in {"REFERENCES": 5, "TRAINING": 3, "EDITED": 5, "DISTRACTORS": 2}.items():
            patch.setattr(demo_set, name, count)
        demo_set.make_demo_set(folder)
    return folder
