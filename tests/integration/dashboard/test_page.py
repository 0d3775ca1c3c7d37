"""The page over HTTP: what it holds, what it loads, and who may have it."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import aiohttp
import pytest
from yarl import URL

from tests.fakes import report_gateway as fake
from tests.fakes.report_gateway import ReportGateway
from tests.integration.dashboard.conftest import KEY
from tests.integration.dashboard.page_text import PageData, read_page

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


async def open_page(session: aiohttp.ClientSession, url: str) -> PageData:
    async with session.get(url) as answer:
        assert answer.status == 200
        return read_page(await answer.text())


async def status_of(session: aiohttp.ClientSession, url: str, *, method: str = "GET", **headers: str) -> int:
    async with session.request(method, url, headers=headers, allow_redirects=False) as answer:
        return answer.status


@pytest.mark.parametrize(("path", "said"), [("/health", b'{"status":"ok"}'), ("/livez", b'{"ok":true}'), ("/readyz", b'{"ok":true}')])
async def test_health_is_open(session: aiohttp.ClientSession, locked_dashboard: str, path: str, said: bytes) -> None:
    async with session.get(locked_dashboard + path) as answer:
        assert (answer.status, await answer.read()) == (200, said)


async def test_metrics_count_requests_by_route(session: aiohttp.ClientSession, gateway: ReportGateway, dashboard: str) -> None:
    await open_page(session, dashboard)
    async with session.get(f"{dashboard}/metrics") as answer:
        text = await answer.text()
    assert "http_server_request_duration_seconds_count" in text
    assert "/sign-in" not in text


async def test_page_holds_the_figures_when_it_comes(session: aiohttp.ClientSession, gateway: ReportGateway, dashboard: str) -> None:
    page = await open_page(session, dashboard)
    assert {"Pointsman", "99.0 %", "640 ms", "$0.093", "$0.37", "gpt-4.1-nano", "creative_writing", "callable", "classifier"} <= set(
        page.texts
    )
    assert any("Anonymous access is on" in text for text in page.texts)


async def test_text_of_the_api_is_never_markup(session: aiohttp.ClientSession, gateway: ReportGateway, dashboard: str) -> None:
    gateway.answers["/metrics/models"] = {"models": [fake.model(SCRIPT, provider="`${alert(1)}`", not_available_reason=SCRIPT)]}
    gateway.answers["/v1/decisions?limit=25"] = {"decisions": [fake.decision(1, model=SCRIPT, category='"><img src=x>', cause=SCRIPT)]}
    gateway.answers["/v1/health"] = fake.health(catalog_error=SCRIPT)
    await asyncio.sleep(0.3)  # figures of the last test are young enough to be shown
    async with session.get(dashboard) as answer:
        html = await answer.text()
    assert "<script>alert" not in html
    assert "<img" not in html
    assert "${alert" not in html
    page = read_page(html)
    assert SCRIPT in page.texts
    assert any(text.endswith(SCRIPT) for text in page.texts)
    evaluated = [name for name, _ in page.attributes if name.startswith((":", "on")) or name.lower() in {"innerhtml", "v-html", "srcdoc"}]
    assert evaluated == []


async def test_everything_that_the_page_loads_comes_from_the_dashboard(session: aiohttp.ClientSession, dashboard: str) -> None:
    async with session.get(dashboard) as answer:
        html = await answer.text()
        policy = answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    loaded = set(re.findall(r'(?:src|href)="([^"]+)"', html)) | set(re.findall(r'@import url\("([^"]+)"\)', html))
    loaded = {address for address in loaded if not address.startswith("data:")}
    assert len(loaded) >= 8
    assert all(address.startswith("/") and not address.startswith("//") for address in loaded)
    for address in loaded:
        assert await status_of(session, dashboard + address) == 200, address


@pytest.mark.parametrize("path", ["/nope", "/_nicegui/0.0.1/static/nicegui.js", "/_nicegui_ws/socket.io/?EIO=4&transport=polling", "/docs"])
async def test_there_is_nothing_else(session: aiohttp.ClientSession, dashboard: str, path: str) -> None:
    async with session.get(dashboard + path) as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]["code"] == "route_not_found"


async def test_page_is_refused_under_another_name(session: aiohttp.ClientSession, dashboard: str) -> None:
    assert await status_of(session, dashboard, host="evil.example") == 400
    assert await status_of(session, f"{dashboard}/health", host="evil.example") == 200  # probes by any name


async def test_prefix_that_a_stranger_sends_is_not_believed(session: aiohttp.ClientSession, dashboard: str) -> None:
    async with session.get(dashboard, headers={"x-forwarded-prefix": "//evil.example"}) as answer:
        assert "evil" not in await answer.text()


@dataclass(frozen=True)
class Answered:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    text: str


async def sign_in(session: aiohttp.ClientSession, url: str, key: str, **headers: str) -> Answered:
    async with session.post(f"{url}/sign-in", data={"key": key}, allow_redirects=False, headers=headers) as answer:
        return Answered(answer.status, answer.headers, await answer.text())


async def test_page_asks_for_the_key(session: aiohttp.ClientSession, gateway: ReportGateway, locked_dashboard: str) -> None:
    gateway.key = KEY
    async with session.get(locked_dashboard) as answer:
        assert answer.url.path == "/sign-in"
        form = await answer.text()
    assert "/_nicegui/" not in form  # nothing of the dashboard is loaded before
    style = re.search(r'"(/static/[^"]+)"', form)
    assert style is not None
    assert await status_of(session, locked_dashboard + style[1]) == 200
    assert await status_of(session, f"{locked_dashboard}/_nicegui/3.18.0/static/nicegui.js") in {401, 404}
    refused = await sign_in(session, locked_dashboard, "pm-admin-wrong-wrong")
    assert refused.status == 401
    assert "That is not the key." in refused.text
    taken = await sign_in(session, locked_dashboard, KEY)
    assert (taken.status, taken.headers["location"]) == (303, "/")
    cookie = taken.headers["set-cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
    assert KEY not in cookie


async def test_key_is_shown_to_the_gateway_and_never_to_the_browser(
    session: aiohttp.ClientSession, gateway: ReportGateway, locked_dashboard: str
) -> None:
    gateway.key = KEY
    await sign_in(session, locked_dashboard, KEY)
    async with session.get(locked_dashboard) as answer:
        html = await answer.text()
    page = read_page(html)
    assert "99.0 %" in page.texts  # the gateway took the key
    assert KEY not in html
    assert "pm-" not in html
    assert "Sign out" in page.texts
    assert not any("Anonymous access" in text for text in page.texts)


async def test_sign_out_ends_the_session(session: aiohttp.ClientSession, gateway: ReportGateway, locked_dashboard: str) -> None:
    await sign_in(session, locked_dashboard, KEY)
    cookies = session.cookie_jar.filter_cookies(URL(locked_dashboard))
    assert await status_of(session, locked_dashboard) == 200
    assert await status_of(session, f"{locked_dashboard}/sign-out", method="POST") == 303
    async with aiohttp.ClientSession(cookies={name: cookie.value for name, cookie in cookies.items()}) as kept:
        assert await status_of(kept, locked_dashboard) == 303  # the token itself has ended, not only the cookie


async def test_form_of_another_page_is_refused(session: aiohttp.ClientSession, locked_dashboard: str) -> None:
    answer = await sign_in(session, locked_dashboard, KEY, origin="http://evil.example")
    assert answer.status == 403
    assert "set-cookie" not in answer.headers


async def test_body_of_a_form_is_bounded(session: aiohttp.ClientSession, locked_dashboard: str) -> None:
    assert (await sign_in(session, locked_dashboard, "x" * 10_000)).status == 413


async def test_key_that_the_gateway_refuses_is_told(session: aiohttp.ClientSession, gateway: ReportGateway, dashboard: str) -> None:
    gateway.key = KEY
    await asyncio.sleep(0.3)
    page = await open_page(session, dashboard)
    assert any("POINTSMAN_DASHBOARD_KEY sets it" in text for text in page.texts)
