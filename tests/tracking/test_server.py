"""The links into MLflow's pages, and what is told where the server cannot start; test_ui_pages.py opens the pages."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from imgfp.errors import InputError
from imgfp.tracking import Store, describe, models_page, open_store, registered_page, ui
from imgfp.tracking.page_server import _landing_page, check_port


def test_the_link_opens_the_stored_view(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_PORT", raising=False)
    number = store.experiment_id("linked")
    page = f"http://127.0.0.1:5000/#/experiments/{number}/runs"
    assert describe(store, "linked") == f"{page}?viewStateShareKey=imgfp&workflowType=machine_learning"
    checkpoints = page.replace("/runs", "/models")
    assert models_page(store, "linked") == f"{checkpoints}?viewMode=CHART&workflowType=machine_learning"
    assert registered_page(store) == "http://127.0.0.1:5000/#/models/imgfp-descriptor?workflowType=machine_learning"
    assert "mlflow.sharedViewState.imgfp" in store.client().get_experiment(number).tags


def test_a_taken_port_is_told(store: Store) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            InputError, match=f"port {port} cannot be used .*: choose another: MLFLOW_PORT={port + 1} make ui"
        ):
            check_port("127.0.0.1", port)


def test_a_page_without_a_head_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "index.html"
    page.write_text("<html><head><title>")
    assert "<head><script>for (const" in _landing_page(str(page), "#/first")
    assert capsys.readouterr().err == ""
    page.write_text("<html><title>")
    assert _landing_page(str(page), "#/first") == "<html><title>"
    assert capsys.readouterr().err == (
        "warning: MLflow's page has no <head>: its menus stay as MLflow sets them; open the printed links\n"
    )


def test_the_pages_of_the_named_database_are_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own, served = f"sqlite:///{tmp_path}/own.db", []
    store = open_store(own)
    monkeypatch.setattr(ui, "check_port", lambda host, port: None)
    monkeypatch.setattr(ui, "serve", lambda store, *_: served.append(store.uri))
    monkeypatch.setattr(sys, "argv", ["ui", store.name])
    ui.main()
    assert served == [own]
    assert f"{own}: no runs yet" in capsys.readouterr().out


def test_a_bad_port_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_PORT", "http")
    with pytest.raises(InputError, match="MLFLOW_PORT='http': must be a port number"):
        describe(store, "linked")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["imgfp.tracking.ui"], 1, "usage"),
        (
            ["imgfp.tracking.ui", "nowhere"],
            2,
            "nowhere: no tracking store yet: the first training or evaluation creates it",
        ),
        (["imgfp.tracking.ui", "http://host:5000"], 2, "http://host:5000: is a server already: open this address"),
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
