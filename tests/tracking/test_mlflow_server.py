"""A real `mlflow server` as the store, on SQLite and, where it is installed, on PostgreSQL."""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from a_study import contents, fill

from imgfp.tracking import comparison, describe, open_store, tracked_run
from imgfp.tracking import store as stores
from imgfp.tracking.study import bring_study, export_study, upload_unlogged

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


@contextmanager
def postgresql() -> Iterator[str]:
    """The URI of a fresh PostgreSQL database, which listens on a socket in a temporary folder only."""
    driver = next((name for name in ("psycopg2", "psycopg") if importlib.util.find_spec(name)), None)
    if driver is None:
        pytest.skip("neither psycopg2 nor psycopg is installed")
    programs = [shutil.which("initdb"), shutil.which("postgres")]
    if None in programs:
        pytest.skip("PostgreSQL is not installed")
    initdb, postgres = map(str, programs)
    user = "nobody" if os.getuid() == 0 else None  # it refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    if user:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    data = folder / "data"
    subprocess.run([initdb, "-D", data, "-U", "mlflow", "-A", "trust"], check=True, capture_output=True, user=user)
    command = [postgres, "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=user)
    try:
        deadline = time.monotonic() + 60
        while not (folder / ".s.PGSQL.5432").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        yield f"postgresql+{driver}://mlflow@/postgres?host={folder}"
    finally:
        process.send_signal(signal.SIGINT)  # "fast" shutdown
        process.wait(60)
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """The address of a running server, and its process group."""
    with ExitStack() as stack:
        if request.param == "postgresql":
            backend = stack.enter_context(postgresql())
        else:
            backend = open_store(tmp_path / "server").uri
        port, log = free_port(), stack.enter_context((tmp_path / "server.log").open("wb"))
        command = [*(sys.executable, "-m", "mlflow", "server", "--backend-store-uri", backend), *("--port", str(port))]
        command += ["--artifacts-destination", (tmp_path / "kept").as_uri(), "--host", "127.0.0.1", "--workers", "1"]
        environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True, cwd=tmp_path
        )
        try:
            for _ in range(1200):
                assert process.poll() is None, (tmp_path / "server.log").read_text()
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_server_is_a_store(
    server: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    address, group = server
    monkeypatch.setattr(stores, "_fallback", None)
    monkeypatch.setattr(stores, "_announced", set())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("IMGFP_STORE_REACHED", "")
    stores.keep_unlogged_in(tmp_path / "work")

    store = open_store(Path(address))  # pathlib makes one slash of two
    assert store.uri == address
    assert capsys.readouterr().err == f"MLflow server: {address}\n"
    fill(store, tmp_path)
    key = store.experiment_id("study")
    assert store._create_experiment("study") == key, "another machine has just created it"
    assert describe(store, "study").startswith(f"{address}/#/experiments/{key}/runs")
    assert comparison(store, "study", ["a", "b"]).startswith(f"{address}/#/")

    # from the server to a folder, and from a folder to the server
    export_study(store, ["study"], tmp_path / "study.zip")
    local = open_store(tmp_path / "local")
    bring_study(tmp_path / "study.zip", local)
    assert contents(local, "study") == contents(store, "study")
    fill(local, tmp_path, "more")
    export_study(local, ["more"], tmp_path / "more.zip")
    assert bring_study(tmp_path / "more.zip", store).startswith("5 runs, 1 model, ")
    assert bring_study(tmp_path / "more.zip", store).startswith("0 runs, 0 models, ")
    assert contents(store, "more") == contents(local, "more")
    assert {alias for name in ("study", "more") for alias in store.client().get_registered_model(name).aliases} == {
        "champion"
    }
    capsys.readouterr()

    # it goes away in mid-run
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with tracked_run(store, "away", "a training", {"seed": 1}) as run:
        run.log_metrics({"loss": 2.0}, 1)
        os.killpg(group, signal.SIGSTOP)
        run.log_metrics({"loss": 1.0}, 2)
        assert store.experiment_id("away"), "as it was, for the links that are printed at the end"
        run.log_metrics({"uap": 0.5}, 2)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith(
        f"warning: {address}: the server does not answer; logging to {tmp_path / 'work'}/unlogged"
    )
    os.killpg(group, signal.SIGCONT)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")
    assert upload_unlogged(tmp_path / "work", store).startswith("1 run, 0 models, 2 metric values")
    read = store.client().get_run(run.run_id)
    assert (read.info.status, read.data.metrics, read.info.run_name) == (
        "FINISHED",
        {"loss": 1.0, "uap": 0.5},
        "a training",
    )
    assert {item.value for item in store.client().get_metric_history(run.run_id, "loss")} == {1.0, 2.0}
