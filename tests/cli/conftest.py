"""The program called within this process."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from imgfp.cli.main import main


@dataclass(frozen=True)
class Said:
    """What one command printed and how it ended. `errors`: lines on standard error without progress."""

    code: int
    out: str
    errors: list[str]


@pytest.fixture
def imgfp(capsys: pytest.CaptureFixture[str], one_process: None) -> Callable[..., Said]:
    """Runs one command: imgfp("find", queries, references, ...)."""

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse
            code = int(end.code or 0)
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        announced = (
            *("local candidates: ", "demonstration set: ", "preset imgfp: ", "index ivf_"),
            *("crops: ", "crop features: ", "crop candidates: ", "detector: exporting "),
            *("compiling the SIFT extractor", "features: ", "query features: ", "reference features: "),
        )
        lines = [line for line in said.err.splitlines() if line.strip() and "%|" not in line]  # no progress
        return Said(code, said.out, [line for line in lines if not line.startswith(announced)])

    return run
