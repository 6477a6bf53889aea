"""The link and the command line of the browser view (the server itself takes a minute to start: looked at by hand)."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from imgfp.errors import InputError
from imgfp.tracking import Store, describe, ui_command


def test_the_link_opens_the_list_of_runs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_PORT", raising=False)
    number = store.experiment_id("linked")
    assert describe(store, "linked") == f"http://127.0.0.1:5000/#/experiments/{number}/runs"


def test_the_server_reads_this_store_and_listens_here_only(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_PORT", "5017")
    command = ui_command(store.folder)
    options = dict(itertools.pairwise(command))
    assert command[1:4] == ["-m", "mlflow", "server"]
    assert options["--backend-store-uri"] == store.uri
    assert options["--default-artifact-root"] == store.artifacts.as_uri()
    assert (options["--host"], options["--port"]) == ("127.0.0.1", "5017")


def test_a_bad_port_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_PORT", "http")
    with pytest.raises(InputError, match="MLFLOW_PORT='http': must be a port number"):
        ui_command(store.folder)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["imgfp.tracking.ui"], 1, "usage"),
        (["imgfp.tracking.relocate", "nowhere"], 2, "nowhere: no mlflow.db found: give the folder that contains it"),
    ],
)
def test_one_line_error_for_bad_usage(
    tmp_path: Path, folder_of_source: Path, arguments: list[str], code: int, message: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(folder_of_source)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
