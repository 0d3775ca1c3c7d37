"""Mounts the pages into NiceGUI, which has one application for each process: so there is one dashboard for each process, too."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from fastapi import FastAPI
from nicegui import Client, ui
from nicegui import __version__ as nicegui_version
from nicegui import app as nicegui_app
from starlette.requests import Request

from pointsman.dashboard import names
from pointsman.dashboard.edge.gate import SIGN_IN_PATH, token_of
from pointsman.dashboard.edge.sessions import SignIns
from pointsman.dashboard.edge.sign_in_page import ICON, STYLES_PATH
from pointsman.dashboard.pages.decisions import ReadDecision
from pointsman.dashboard.pages.overview import Overview, Surroundings, caller_url
from pointsman.dashboard.poller import Figures, Poller
from pointsman.kit.http_middleware import App
from pointsman.kit.logging import Logger

FIRST_FIGURES_S = 1.0  # a page waits so long for figures; then it comes without, and they follow
RECONNECT_S = 10.0  # a phone that was asleep finds its page again
# What a page loads; NiceGUI has more, which nothing of ours uses.
ASSET_KINDS = ("static", "components", "libraries", "esm")
HEAD = f'<link rel="stylesheet" href="{STYLES_PATH}"><meta name="theme-color" content="#1f5f8b"><meta name="robots" content="noindex">'


@dataclass(frozen=True, slots=True)
class PageSources:
    """What the pages are made from."""

    poller: Poller
    read_decision: ReadDecision
    sign_ins: SignIns
    gateway_url: str
    shows_key: bool
    log: Logger


@dataclass(frozen=True, slots=True)
class MountedPages:
    """The pages as an application, and what its door must know. count_pages: how many are open, or have just been."""

    app: App
    asset_prefixes: tuple[str, ...]
    count_pages: Callable[[], int]


def mount_pages(sources: PageSources) -> MountedPages:
    """Make the application. Once in a process."""

    @ui.page("/", title="Pointsman")
    async def overview(request: Request, client: Client) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_FIGURES_S):
                await sources.poller.refresh()
        await open_overview(sources, request, client)

    nicegui_app.config.socket_io_js_transports = ["websocket"]  # the door lets no other through
    ui.add_head_html(HEAD, shared=True)
    parent = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    ui.run_with(
        parent,
        title="Pointsman",
        favicon=ICON,
        dark=None,  # as the system prefers
        language="en-US",
        tailwind=False,
        binding_refresh_interval=None,  # nothing is bound: figures are set when they come
        reconnect_timeout=RECONNECT_S,
        message_history_length=100,
        show_welcome_message=False,
    )
    prefixes = tuple(f"/_nicegui/{nicegui_version}/{kind}/" for kind in ASSET_KINDS)
    return MountedPages(parent, prefixes, lambda: len(Client.instances))


async def open_overview(sources: PageSources, request: Request, client: Client) -> None:
    """Build one page, and keep it up to date while a browser shows it."""
    token = token_of(request)
    url = sources.gateway_url
    surroundings = Surroundings(
        gateway_url=url,
        caller_url=caller_url(url, request.url.hostname),
        asks_key=not sources.sign_ins.is_open,
        shows_key=sources.shows_key,
    )
    page = Overview(surroundings, sources.read_decision)
    await show(page, sources.poller.figures, client)

    async def refresh(figures: Figures) -> None:
        if client.is_deleted:
            sources.poller.remove(client.id)
        elif not sources.sign_ins.is_signed_in(token):
            sources.poller.remove(client.id)
            client.open(SIGN_IN_PATH)
        else:
            try:
                await show(page, figures, client)
            except Exception:  # one page that cannot be shown must not end those of others
                sources.log.exception(names.PAGE_FAILED)

    def come() -> None:
        sources.poller.add(client.id, refresh)

    def go() -> None:
        if not client.has_socket_connection:
            sources.poller.remove(client.id)

    client.on_connect(come)
    client.on_disconnect(go)
    client.on_delete(lambda: sources.poller.remove(client.id))


async def show(page: Overview, figures: Figures, client: Client) -> None:
    """Show the figures, and let others have their turn between two steps."""
    for _ in page.show(figures, time.time()):
        await asyncio.sleep(0)
        if client.is_deleted:
            return
