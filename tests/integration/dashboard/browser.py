"""A headless Chromium, driven over its DevTools protocol: opens a page, presses, reads, takes pictures."""

import asyncio
import base64
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = shutil.which("chromium")
# What runs as root in a container, and calls nobody by itself.
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
)
START_S = 30.0
CALL_S = 20.0
LOOK_AGAIN_S = 0.1


class Page:
    """One page. said: what it wrote to its console, violations of its policy among it. requested: addresses that it asked for."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.said: list[str] = []
        self.requested: list[str] = []

    async def listen(self) -> None:
        """Take what the browser says, until it ends."""
        async for message in self._socket:
            event = message.json()
            if "id" in event:
                self._waiting.pop(event["id"]).set_result(event)
            elif event["method"] == "Log.entryAdded":
                self.said.append(event["params"]["entry"]["text"])
            elif event["method"] == "Runtime.consoleAPICalled":
                self.said.extend(str(argument.get("value", argument)) for argument in event["params"]["args"])
            elif event["method"] == "Runtime.exceptionThrown":
                self.said.append(str(event["params"]["exceptionDetails"]))
            elif event["method"] == "Network.requestWillBeSent":
                self.requested.append(event["params"]["request"]["url"])

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol; its result."""
        number = next(self._ids)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(CALL_S):
            event = await answer
        assert "error" not in event, event
        result: dict[str, Any] = event["result"]
        return result

    async def set_up(self, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """The size of its window, and what its user prefers."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")
        await self.resize(width, height, dark=dark)

    async def resize(self, width: int, height: int, *, dark: bool = False) -> None:
        """Another size, another preference."""
        is_phone = width < 600
        await self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=is_phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def open(self, url: str) -> None:
        """Go there."""
        await self.call("Page.navigate", url=url)

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page."""
        result = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def wait_for(self, condition: str, *, timeout_s: float = CALL_S) -> None:
        """Until the condition holds in the page."""
        try:
            async with asyncio.timeout(timeout_s):
                while not await self.evaluate(f"!!document.body && ({condition})"):  # noqa: ASYNC110  # the page tells nothing by itself
                    await asyncio.sleep(LOOK_AGAIN_S)
        except TimeoutError:
            text = await self.evaluate("document.body.innerText")
            raise AssertionError(f"not so within {timeout_s} s: {condition}; the page says: {text[:2000]}; console: {self.said}") from None

    async def wait_for_text(self, text: str, *, timeout_s: float = CALL_S) -> None:
        """Until the page shows the text."""
        await self.wait_for(f"document.body.innerText.includes({json.dumps(text)})", timeout_s=timeout_s)

    async def take_picture(self, path: Path, *, whole: bool = True) -> None:
        """A PNG of it."""
        taken = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(taken["data"]))


@asynccontextmanager
async def open_browser(folder: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> AsyncIterator[Page]:
    """A browser with one empty page. folder: for its profile, a new one."""
    assert CHROMIUM is not None
    profile = folder / "profile"
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        *ARGUMENTS,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        port = await find_port(profile / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                targets = await answer.json()
            address = next(target["webSocketDebuggerUrl"] for target in targets if target["type"] == "page")
            async with session.ws_connect(address, max_msg_size=0) as socket:
                page = Page(socket)
                listening = asyncio.create_task(page.listen())
                try:
                    await page.set_up(width=width, height=height, dark=dark)
                    yield page
                finally:
                    listening.cancel()
                    with suppress(asyncio.CancelledError):
                        await listening
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def find_port(written: Path) -> int:
    """The port that the browser writes down once it listens."""
    async with asyncio.timeout(START_S):
        while (port := await asyncio.to_thread(read_port, written)) is None:  # noqa: ASYNC110  # another process writes it
            await asyncio.sleep(LOOK_AGAIN_S)
    return port


def read_port(written: Path) -> int | None:
    """The port; None where it is not written yet."""
    lines = written.read_text().splitlines() if written.exists() else []
    return int(lines[0]) if len(lines) > 1 else None
