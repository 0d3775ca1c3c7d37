import asyncio
import signal
import sys
import time
from asyncio.subprocess import PIPE

import aiohttp
import pytest
import uvloop

from pointsman.kit.errors import ServiceError
from pointsman.kit.http_middleware import EdgeMiddleware, Receive, Scope, Send
from pointsman.kit.http_server import serve_http
from pointsman.kit.request_drain import RunningRequests, shutdown_error
from tests.integration.kit.echo import capturing_log, until
from tests.integration.kit.wire import GET, Site, dial, serve_site

# A service of one stream, as a process of its own.
PROGRAM = """
import asyncio, contextlib, sys
from pointsman.kit.http_middleware import EdgeMiddleware
from pointsman.kit.http_server import serve_http
from pointsman.kit.lifecycle import run_until_stopped
from pointsman.kit.logging import configure_logging, get_logger
from tests.integration.kit.test_drain import stream

@contextlib.asynccontextmanager
async def serve():
    edge = EdgeMiddleware(stream, max_body_bytes=1, log=get_logger("demo"))
    async with serve_http(edge, host="127.0.0.1", port=0, drain_s=1) as server:
        yield {"demo": server.address}

async def on_ready(addresses):
    print(addresses["demo"], flush=True)

configure_logging("error")
sys.exit(run_until_stopped(serve(), on_ready=on_ready))
"""


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    """Words without end; the last one says why."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    try:
        while True:
            await send({"type": "http.response.body", "body": b"word\n", "more_body": True})
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        error = shutdown_error()
        reason = error.reason if error else "nobody knows"
        await send({"type": "http.response.body", "body": reason.encode(), "more_body": False})
        raise


async def test_a_process_with_an_endless_stream_ends_well_after_its_drain() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None
    address = (await process.stdout.readline()).decode().strip()
    async with aiohttp.ClientSession() as client, client.get(f"http://{address}/") as answer:
        await answer.content.readline()
        start_s = time.monotonic()
        process.send_signal(signal.SIGTERM)
        text = await answer.content.read()
        _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
    assert text.endswith(b"word\nshutting_down")
    assert 0.9 < time.monotonic() - start_s < 6.0


async def test_a_stream_whose_client_leaves_is_not_told_of_a_shutdown() -> None:
    said: list[ServiceError | None] = []
    left = asyncio.Event()

    async def watch(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        said.append(shutdown_error())
        left.set()

    edge = EdgeMiddleware(watch, max_body_bytes=1, log=capturing_log()[0])
    async with serve_http(edge, host="127.0.0.1", port=0, drain_s=1) as server:
        async with dial(server) as wire:
            wire.send(GET % b"a")
            await asyncio.sleep(0.1)
        await left.wait()
    assert said == [None]


async def test_running_requests_are_counted_and_idle_connections_closed_at_once() -> None:
    site = Site()
    serving = serve_site(site, drain_s=5)
    server = await serving.__aenter__()
    async with dial(server) as idle, dial(server) as busy:
        idle.send(GET % b"a")
        await idle.answer()
        busy.send(GET % b"slow")
        await site.begun.wait()
        assert server.requests.count == 1
        leaving = asyncio.create_task(serving.__aexit__(None, None, None))
        assert await idle.closed(timeout_s=1) == b""
        assert server.requests.is_draining
        site.release.set()
        answer = await busy.answer()
        assert (answer.body, answer.headers["connection"]) == (b"slow", "close")
        await leaving
    assert server.requests.count == 0


async def test_a_server_that_stops_is_not_ready_while_it_finishes() -> None:
    site = Site()
    serving = serve_site(site, drain_s=5)
    server = await serving.__aenter__()
    async with dial(server) as wire:
        wire.send(GET % b"slow" + b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n")
        await site.begun.wait()
        leaving = asyncio.create_task(serving.__aexit__(None, None, None))
        await until(lambda: server.requests.is_draining)
        site.release.set()
        assert (await wire.answer()).body == b"slow"
        assert (await wire.answer()).code == "shutting_down"
        await leaving


async def test_a_request_that_comes_during_the_drain_gets_what_is_left_of_it() -> None:
    requests = RunningRequests()
    requests.drain(0.1)
    reached_end = False
    async with asyncio.timeout(2):
        async with requests.serving():
            await asyncio.Event().wait()
            reached_end = True
    assert not reached_end


def test_a_request_that_is_cut_is_told_so_however_long_the_drain() -> None:
    """A timer of the loop that we run on fires by whole milliseconds, so before a moment between two of them."""

    async def cut(drain_s: float) -> ServiceError | None:
        requests, said = RunningRequests(), None
        async with requests.serving():
            requests.drain(drain_s)
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                said = shutdown_error()
                raise
        return said

    async def cut_all() -> list[ServiceError | None]:
        return await asyncio.gather(*(cut(0.001 * number + 0.0004) for number in range(20)))

    assert [error.reason if error else None for error in uvloop.run(cut_all())] == ["shutting_down"] * 20


async def test_a_timeout_of_the_applications_own_passes() -> None:
    with pytest.raises(TimeoutError):
        async with RunningRequests().serving():
            raise TimeoutError
