"""The page in a real browser: that it works, loads nothing from elsewhere, breaks no rule of its own policy, and runs no one's script."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes import report_gateway as fake
from tests.fakes.report_gateway import ReportGateway
from tests.integration.dashboard.browser import CHROMIUM, Page, open_browser
from tests.integration.dashboard.conftest import KEY, address_of, start_dashboard

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")

SCRIPT = "<script>window.wasHacked = true</script>"
IMAGE = "<img src=x onerror='window.wasHacked = true'>"


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with open_browser(tmp_path) as page:
        yield page


async def test_page_shows_figures_and_explains_a_decision(page: Page, gateway: ReportGateway, dashboard: str, tmp_path: Path) -> None:
    gateway.answers["/metrics/models"] = {"models": [fake.model(SCRIPT), fake.model(IMAGE)]}
    gateway.answers["/v1/decisions?limit=25"] = {"decisions": [fake.decision(1, model=IMAGE), fake.decision(2)]}
    detail = fake.decision_detail("dec_1", ranking=[fake.candidate(1, SCRIPT, reasons=[IMAGE, SCRIPT]), fake.candidate(2, "phi3")])
    gateway.details["dec_1"] = detail
    await page.open(dashboard)
    await page.wait_for_text(SCRIPT)
    # With the keyboard alone.
    await page.evaluate("document.querySelector('td button').focus()")
    for kind in ("rawKeyDown", "char", "keyUp"):
        await page.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    await page.wait_for_text("best value for a coding prompt")
    shown = await page.evaluate("document.querySelector('.explanation').innerText")
    assert SCRIPT in shown
    assert IMAGE in shown
    assert "$0.00012 more" in shown
    assert await page.evaluate("document.querySelector('td button').getAttribute('aria-expanded')") == "true"
    await page.evaluate("document.querySelector('td button').click()")
    await page.wait_for("!document.querySelector('.explanation')")
    assert await page.evaluate("window.wasHacked === undefined")
    assert await page.evaluate("document.querySelectorAll('img').length") == 0
    assert page.said == []
    assert [address for address in page.requested if not address.startswith((dashboard, "data:"))] == []
    await page.take_picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000


async def test_open_explanation_stays_open_while_decisions_come(page: Page, gateway: ReportGateway, dashboard: str) -> None:
    await page.open(dashboard)
    await page.wait_for("document.querySelectorAll('td button').length === 12")
    await page.evaluate("document.querySelectorAll('td button')[1].click()")
    await page.wait_for("!!document.querySelector('.explanation .summary')")
    newest = [fake.decision(100, model="the-newest"), *(fake.decision(index) for index in range(1, 12))]
    gateway.answers["/v1/decisions?limit=25"] = {"decisions": newest}
    await page.wait_for_text("the-newest")
    rows = "[...document.querySelectorAll('tbody')].filter(body => body.querySelector('button'))"
    open_ones = await page.evaluate(f"{rows}.map(body => !!body.querySelector('.explanation'))")
    assert open_ones[:4] == [False, False, True, False]


async def test_gateway_that_goes_and_comes_back(page: Page, gateway: ReportGateway, dashboard: str) -> None:
    await page.open(dashboard)
    await page.wait_for_text("gpt-4.1-nano")
    gateway.is_away = True
    await page.wait_for_text("No gateway answers at")
    assert await page.evaluate("document.querySelector('[role=status]').innerText.includes('pointsman up')")
    assert await page.evaluate("document.body.innerText.includes('gpt-4.1-nano')")
    gateway.is_away = False
    await page.wait_for("!document.body.innerText.includes('No gateway answers at')")


async def test_no_request_yet_says_what_to_do(page: Page, gateway: ReportGateway, tmp_path: Path) -> None:
    gateway.fill(requests=0)
    dashboard = start_dashboard(tmp_path, gateway)  # one that has seen no other figures
    try:
        await page.open(address_of(dashboard))
        await page.wait_for_text(f"curl {gateway.url}/route")
        assert await page.evaluate("document.body.innerText.includes('No decision yet')")
    finally:
        assert dashboard.stop() == 0


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, False), (390, True)], ids=["laptop", "phone", "phone, dark"])
async def test_page_fits_its_window_and_follows_the_system(
    page: Page, gateway: ReportGateway, dashboard: str, *, width: int, dark: bool
) -> None:
    await page.resize(width, 800, dark=dark)
    await page.open(dashboard)
    await page.wait_for_text("gpt-4.1-nano")
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    background = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(18, 22, 28)" if dark else "rgb(246, 247, 249)")
    unnamed = (
        "[...document.querySelectorAll('button, [tabindex=\"0\"]')].filter(e => !(e.innerText.trim() || e.getAttribute('aria-label')))"
    )
    assert await page.evaluate(f"{unnamed}.length") == 0


async def test_key_opens_the_page_and_sign_out_closes_it(page: Page, gateway: ReportGateway, locked_dashboard: str) -> None:
    gateway.key = KEY
    await page.open(locked_dashboard)
    await page.wait_for_text("Key of the dashboard")
    await page.evaluate(f"document.querySelector('#key').value = '{KEY}'; document.querySelector('form').requestSubmit()")
    await page.wait_for_text("gpt-4.1-nano")
    assert await page.evaluate("document.cookie") == ""
    assert not await page.evaluate(f"document.documentElement.outerHTML.includes('{KEY}')")
    await page.evaluate("document.querySelector('header button').click()")
    await page.wait_for_text("Key of the dashboard")
    assert page.said == []
