"""A headless Chromium driven by its DevTools protocol, through aiohttp, which MLflow needs anyway."""

import asyncio
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

# text that a reader sees without scrolling or a click: [text, left, top]
_IN_SIGHT = """
[...document.querySelectorAll('body *')]
    .filter(item => [...item.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()))
    .map(item => [item, item.getBoundingClientRect()])
    .filter(([item, box]) => {
        if (item.ownerSVGElement)  // a chart's labels lie under what catches the mouse
            return box.width > 0 && box.top >= 0 && box.bottom <= innerHeight;
        const front = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
        return box.width > 0 && front && (item.contains(front) || front.contains(item));
    })
    .map(([item, box]) => [item.textContent.trim(), box.left, box.top])
"""
_numbers = itertools.count(1)


def find_chromium() -> str | None:
    """The browser's path."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass(frozen=True)
class Seen:
    """What is in sight: `left` and `top` in pixels by text, of its first occurrence."""

    places: dict[str, tuple[float, float]]

    def __contains__(self, text: str) -> bool:
        return text in self.places


@dataclass(frozen=True)
class Page:
    """An open tab or frame."""

    socket: aiohttp.ClientWebSocketResponse

    async def call(self, method: str, **params: Any) -> Any:
        """One command of the protocol."""
        number = next(_numbers)
        await self.socket.send_json({"id": number, "method": method, "params": params})
        while True:
            answer = json.loads((await self.socket.receive(timeout=120)).data)
            assert "error" not in answer, answer
            if answer.get("id") == number:
                return answer["result"]

    async def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        return (await self.call("Runtime.evaluate", expression=script, returnByValue=True))["result"].get("value")

    async def in_sight(self, *awaited: str, seconds: float = 60) -> Seen:
        """What is in sight as soon as these texts are."""
        end = time.monotonic() + seconds
        while True:
            places: dict[str, tuple[float, float]] = {}
            for text, left, top in await self.evaluate(_IN_SIGHT) or []:
                places.setdefault(text, (left, top))
            missing = set(awaited) - set(places)
            if not missing:
                return Seen(places)
            assert time.monotonic() < end, f"not in sight: {missing}; in sight: {sorted(places)}"
            await asyncio.sleep(0.3)


class Browser:
    """One tab of 1400 x 900 pixels."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self._session, self._address = session, address

    async def open(self, url: str) -> Page:
        """The tab with this page, loaded afresh even if only the part after # is another."""
        page = await self._target("page")
        await page.call("Page.navigate", url="about:blank")
        await page.call("Page.navigate", url=url)
        return page

    async def frame(self) -> Page:
        """The page's sandboxed frame, in which MLflow shows HTML artifacts."""
        return await self._target("iframe")

    async def _target(self, kind: str, seconds: float = 60) -> Page:
        end = time.monotonic() + seconds
        while True:
            async with self._session.get(f"{self._address}/json") as answer:
                found = [item for item in await answer.json() if item["type"] == kind]
            if found:
                return Page(await self._session.ws_connect(found[0]["webSocketDebuggerUrl"], max_msg_size=0))
            assert time.monotonic() < end, f"Chromium has no {kind}"
            await asyncio.sleep(0.3)


@asynccontextmanager
async def chromium(program: str, folder: Path) -> AsyncIterator[Browser]:
    """A running browser with its profile in `folder`."""
    options = ["--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    options += ["--disable-component-update", "--disable-sync", "--window-size=1400,900", "--remote-debugging-port=0"]
    if os.geteuid() == 0:
        options.append("--no-sandbox")  # Chromium's sandbox refuses root
    command = [program, *options, f"--user-data-dir={folder}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            port = folder / "DevToolsActivePort"
            end = time.monotonic() + 60
            while not port.is_file() or not port.read_text():
                assert process.poll() is None, "Chromium ended"
                assert time.monotonic() < end, "Chromium does not start"
                await asyncio.sleep(0.1)
            async with aiohttp.ClientSession() as session:
                yield Browser(session, f"http://127.0.0.1:{port.read_text().splitlines()[0]}")
        finally:
            process.terminate()
