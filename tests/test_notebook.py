"""docs/first-steps.ipynb does what it shows.

* every code cell runs, in order, in one namespace
* what a cell prints is what the notebook stores as its output
* no output holds a path of the machine that made it, and the file stays small
"""

import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs" / "first-steps.ipynb"
CELLS = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]


def printed(cell: dict) -> str:
    return "".join("".join(item["text"]) for item in cell["outputs"] if item["output_type"] == "stream")


def test_every_cell_runs_and_prints_what_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # and back: the notebook changes the working folder
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("IMGFP_THREADS", "1")  # one worker process to start
    names = {"__name__": "__main__"}
    for number, cell in enumerate(CELLS, 1):
        exec(compile("".join(cell["source"]), f"{NOTEBOOK.name}, code cell {number}", "exec"), names)
        assert capsys.readouterr().out == printed(cell), f"code cell {number}"


def test_the_stored_outputs_are_portable() -> None:
    assert NOTEBOOK.stat().st_size < 150_000
    assert [cell["execution_count"] for cell in CELLS] == list(range(1, len(CELLS) + 1))
    stored = json.dumps([cell["outputs"] for cell in CELLS])
    assert not [folder for folder in ("/tmp", "/home", "/root", "/Users") if folder in stored]
    assert stored.count("image/png") == 2
