"""The page's socket: who may open it, and what is asked of the gateway while it is open."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import socketio  # type: ignore[import-untyped]  # the library has no types

from pointsman.dashboard.client import TIMEOUT_S
from tests.fakes import report_gateway as fake
from tests.fakes.report_gateway import ReportGateway
from tests.integration.dashboard.conftest import INTERVAL_S
from tests.integration.dashboard.page_text import read_page

SOCKET_PATH = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
WAIT_S = 10.0


@asynccontextmanager
async def open_live_page(url: str) -> AsyncIterator[list[str]]:
    """A page as a browser keeps it open; yields the texts that come, as they come."""
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        page = read_page(await answer.text())
    texts: list[str] = []
    client = socketio.AsyncClient()

    @client.on("update")  # type: ignore[untyped-decorator]  # the library has no types
    async def update(message: dict[str, Any]) -> None:
        texts.extend(element["text"] for element in message.values() if isinstance(element, dict) and element.get("text"))

    query = f"client_id={page.client_id}&tab_id=t&document_id=d&next_message_id=0&implicit_handshake=true"
    await client.connect(f"{url}?{query}", headers={"origin": url}, transports=["websocket"], socketio_path="/_nicegui_ws/socket.io")
    try:
        yield texts
    finally:
        await client.disconnect()
        await client.shutdown()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110  # the other side is another process
            await asyncio.sleep(0.02)


async def handshake_status(url: str, **headers: str) -> int:
    async with aiohttp.ClientSession() as session:
        try:
            async with session.ws_connect(url + SOCKET_PATH, headers=headers):
                return 101
        except aiohttp.WSServerHandshakeError as error:
            return error.status


async def test_socket_opens_for_pages_of_the_dashboard_alone(dashboard: str) -> None:
    assert await handshake_status(dashboard, origin=dashboard) == 101
    assert await handshake_status(dashboard, origin="http://evil.example") == 403
    assert await handshake_status(dashboard) == 403
    assert await handshake_status(dashboard, origin="http://evil.example", host="evil.example") == 403


async def test_socket_opens_for_the_signed_in_alone(locked_dashboard: str) -> None:
    assert await handshake_status(locked_dashboard, origin=locked_dashboard) == 403
    assert await handshake_status(locked_dashboard, origin=locked_dashboard, cookie="pointsman_dashboard=guessed") == 403


async def test_figures_follow_while_the_page_is_open(gateway: ReportGateway, dashboard: str) -> None:
    async with open_live_page(dashboard) as texts:
        await until(lambda: gateway.asked["/v1/health"] >= 3)
        gateway.answers["/metrics/models"] = {"models": [fake.model("a-new-model", requests=4_321)]}
        await until(lambda: {"a-new-model", "4,321"} <= set(texts))


async def test_nobody_looking_is_nothing_asked(gateway: ReportGateway, dashboard: str) -> None:
    async with open_live_page(dashboard):
        await until(lambda: gateway.asked["/v1/health"] >= 2)
    await asyncio.sleep(1.0)
    asked = gateway.asked["/v1/health"]
    await asyncio.sleep(1.0)  # five rounds, were there any
    assert gateway.asked["/v1/health"] == asked


async def test_all_pages_share_one_look(gateway: ReportGateway, dashboard: str) -> None:
    async with open_live_page(dashboard), open_live_page(dashboard), open_live_page(dashboard), open_live_page(dashboard):
        gateway.asked.clear()
        await asyncio.sleep(2.0)
        assert 1 <= gateway.asked["/v1/health"] <= 2.0 / INTERVAL_S + 1


async def test_gateway_that_goes_leaves_its_last_figures_marked_as_old(gateway: ReportGateway, dashboard: str) -> None:
    async with open_live_page(dashboard) as texts:
        await until(lambda: gateway.asked["/v1/health"] >= 2)
        gateway.is_away = True
        await until(lambda: any(text.startswith(f"No gateway answers at {gateway.url} since ") for text in texts))
        assert "gateway away" in texts
        assert any(text.startswith("old: of ") for text in texts)
        async with aiohttp.ClientSession() as session, session.get(dashboard) as answer:
            page = read_page(await answer.text())
        assert "gpt-4.1-nano" in page.texts  # who opens the page only now sees them, too
        assert "gateway away" in page.texts
        texts.clear()
        gateway.is_away = False
        await until(lambda: "well" in texts)


async def test_gateway_that_is_too_slow_is_not_told_to_be_missing(gateway: ReportGateway, dashboard: str) -> None:
    async with open_live_page(dashboard) as texts:
        await until(lambda: gateway.asked["/v1/health"] >= 2)
        gateway.delay_s = TIMEOUT_S + 0.5
        await until(lambda: any(text.startswith(f"The gateway at {gateway.url} does not answer within 3 s since ") for text in texts))
        gateway.delay_s = 0.0
        texts.clear()
        await until(lambda: "well" in texts)


async def test_report_that_one_gateway_has_not_leaves_the_others(gateway: ReportGateway, dashboard: str) -> None:
    async with open_live_page(dashboard) as texts:
        del gateway.answers["/v1/providers"]
        await until(lambda: any("this gateway has no such report" in text for text in texts))
        gateway.answers["/v1/providers"] = b"<html>no JSON</html>"
        await until(lambda: any("is no gateway" in text for text in texts))
        gateway.answers["/metrics/models"] = {"models": [fake.model("still-alive")]}
        await until(lambda: "still-alive" in texts)


@pytest.mark.parametrize("said", [b"[]", b"null", b'"text"', b'{"services": 3, "models": []}', b"[" * 100_000, b"1" * 5_000_000])
async def test_nonsense_from_the_gateway_breaks_nothing(gateway: ReportGateway, dashboard: str, said: bytes) -> None:
    for path in list(gateway.answers):
        gateway.answers[path] = said
    async with open_live_page(dashboard) as texts:
        await until(lambda: gateway.asked["/v1/health"] >= 2)
        gateway.fill()
        # Another name each time: what the page has shown from the last test on is not told to it again.
        name = f"sense-again-{len(said)}"
        gateway.answers["/metrics/models"] = {"models": [fake.model(name)]}
        await until(lambda: name in texts)
