"""MLflow's pages in a headless browser, opened by the links that the programs print: what is in sight without a click."""

import asyncio
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Seen, chromium, find_chromium

from imgfp.tracking import Store, comparison, describe, open_store, parent_run, tracked_run

pytestmark = pytest.mark.slow

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
REPORT = f"<h1>Copies found</h1><p>A report.</p><img src='data:image/png;base64,{PIXEL}'>"


@pytest.fixture(scope="module")
def browser_program() -> str:
    """Chromium's path; without it the tests are skipped. CI installs it."""
    if program := find_chromium():
        return program
    pytest.skip("Chromium is not installed: apt-get install --no-install-recommends chromium fonts-dejavu-core")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, list[str]]:
    """A store with a sweep of two trainings; the ids of the trainings."""
    store, report = (
        open_store(tmp_path_factory.mktemp("pages") / "mlruns"),
        tmp_path_factory.mktemp("made") / "report.html",
    )
    report.write_text(REPORT)
    parent = parent_run(store, "trainings", "a sweep's key", "sweep of two")
    ids = []
    for margin in (0.5, 1.0):
        params = {"loss": {"margin": margin, "memory": 64}, "experiment": "mini"}
        with tracked_run(
            store, "trainings", f"loss.margin={margin}", params, None, {"data": "isc-mini"}, parent
        ) as run:
            for epoch in range(3):
                figures = {
                    "uap": 0.4 + margin / 10 + epoch / 1000,
                    "recall_at_1": 0.6 + margin / 10,
                    "loss": 1 / (epoch + 1),
                }
                run.log_metrics(figures, epoch)
            run.log_artifact(report)
        ids.append(run.run_id)
    return store, ids


@pytest.fixture(scope="module")
def server(swept: tuple[Store, list[str]], folder_of_source: Path) -> Iterator[str]:
    """`python -m imgfp.tracking.ui` on a free port; what it printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_PORT", str(port))
        environment = {**os.environ, "PYTHONPATH": str(folder_of_source)}
        command = [sys.executable, "-m", "imgfp.tracking.ui", str(swept[0].folder)]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            try:
                end = time.monotonic() + 240
                while not _answers(port):
                    assert process.poll() is None, process.stderr.read()
                    assert time.monotonic() < end, "the server does not answer"
                    time.sleep(0.2)
                printed = [process.stdout.readline() for _ in range(3)]
                yield "".join(printed)
            finally:
                process.terminate()
                assert process.stderr.read() == ""  # a quiet server


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="module")
def pages(
    browser_program: str, swept: tuple[Store, list[str]], server: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Seen]:
    """What is in sight on each page."""
    store, ids = swept
    table, charts = describe(store, "trainings"), comparison(store, "trainings", ids)
    assert table in server
    report = re.sub(r"runs\?.*", f"runs/{ids[0]}/artifacts/report.html", table)

    async def look() -> dict[str, Seen]:
        async with chromium(browser_program, tmp_path_factory.mktemp("profile")) as browser:
            seen = {
                "table": await (await browser.open(table)).in_sight("sweep of two", "loss.margin=1.0", "uap", "0.7")
            }
            seen["charts"] = await (await browser.open(charts)).in_sight("uap", "recall_at_1", "0.50", "0.70")
            await (await browser.open(report)).in_sight("report.html")
            frame = await browser.frame()
            seen["report"] = await frame.in_sight("Copies found")
            assert await frame.evaluate("document.images[0].naturalWidth") == 1
            return seen

    return asyncio.run(look())


def test_a_sweeps_runs_are_listed_under_it_with_uap_and_recall(pages: dict[str, Seen]) -> None:
    seen = pages["table"]
    for text in ("uap", "recall_at_1", "0.452", "0.502", "0.65", "0.7", "isc-mini", "mini", "loss.margin"):
        assert text in seen, (text, sorted(seen.places))
    parent, *children = (seen.places[name] for name in ("sweep of two", "loss.margin=1.0", "loss.margin=0.5"))
    assert all(child[0] > parent[0] and child[1] > parent[1] for child in children)  # indented, below
    assert "loss.memory" not in seen  # the same in all runs
    assert "Runs" in seen
    assert not any("Assistant" in text or "Ask questions" in text for text in seen.places)


def test_the_comparison_charts_uap_and_recall(pages: dict[str, Seen]) -> None:
    seen = pages["charts"]
    for text in ("Results", "uap", "recall_at_1", "0.45", "0.50", "0.65", "0.70", "loss.margin=1.0", "loss.margin=0.5"):
        assert text in seen, (text, sorted(seen.places))
    assert "sweep of two" not in seen  # only the runs that are compared


def test_the_report_opens_with_its_pictures(pages: dict[str, Seen]) -> None:
    assert "A report." in pages["report"]


def test_the_server_lists_the_experiment_with_its_best_run(server: str) -> None:
    assert server.splitlines()[0] == "trainings  best: loss.margin=1.0: uAP 0.5020 · recall@1 0.7000"
