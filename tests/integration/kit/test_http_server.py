import asyncio
import io
import json
from contextlib import AbstractAsyncContextManager

import aiohttp
import pytest
from fastapi import Request

from pointsman.kit.errors import AddressInUse, Unavailable
from pointsman.kit.http_application import Application
from pointsman.kit.http_middleware import EdgeMiddleware, Receive, Scope, Send
from pointsman.kit.http_server import RunningHttpServer, serve_http
from tests.integration.kit.echo import capturing_log

MAX_BODY_BYTES = 4 << 20


def make_app(release: asyncio.Event | None = None, begun: asyncio.Event | None = None) -> EdgeMiddleware:
    api = Application(title="", version="", description="", schemas=dict)

    @api.post("/size/{name}")
    async def size(name: str, request: Request) -> dict[str, int]:
        return {"size": len(await request.body())}

    @api.get("/wait")
    async def wait() -> dict[str, bool]:
        if begun is not None:
            begun.set()
        if release is not None:
            await release.wait()
        return {"waited": True}

    return EdgeMiddleware(api, max_body_bytes=MAX_BODY_BYTES, log=capturing_log()[0])


def serve(app: EdgeMiddleware, *, port: int = 0, drain_s: float = 1) -> AbstractAsyncContextManager[RunningHttpServer]:
    return serve_http(app, host="127.0.0.1", port=port, drain_s=drain_s)


def body_of(size: int) -> io.BytesIO:
    return io.BytesIO(b"x" * size)


async def send_raw(address: str, data: bytes) -> bytes:
    """What is answered to these bytes, until the server has said all or closes."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(data)
        async with asyncio.timeout(5):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            return head + await reader.readexactly(length)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_request_is_answered_with_its_id() -> None:
    async with serve(make_app()) as server, aiohttp.ClientSession(f"http://{server.address}") as client:
        answer = await client.post("/size/a", data=body_of(1_000))
        assert (answer.status, await answer.json()) == (200, {"size": 1_000})
        assert answer.headers["x-request-id"].startswith("req_")
        assert "server" not in answer.headers


async def test_a_body_at_the_cap_is_taken() -> None:
    async with serve(make_app()) as server, aiohttp.ClientSession(f"http://{server.address}") as client:
        answer = await client.post("/size/a", data=body_of(MAX_BODY_BYTES))
        assert await answer.json() == {"size": MAX_BODY_BYTES}


async def test_a_body_above_the_cap_is_refused_before_the_rest_is_read() -> None:
    request = b"POST /size/a HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 1073741824\r\n\r\n"
    async with serve(make_app()) as server:
        answer = await send_raw(server.address, request)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "body_too_large"


async def test_a_client_that_sends_all_of_a_body_above_the_cap_hears_why() -> None:
    async with serve(make_app()) as server, aiohttp.ClientSession() as client:
        async with client.post(f"http://{server.address}/size/a", data=body_of(MAX_BODY_BYTES + 1)) as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (413, "body_too_large")
        async with client.get(f"http://{server.address}/wait") as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"GET /wait HTTP/1.1\r\nhost: x\r\nx-large: " + b"x" * 200_000 + b"\r\n\r\n", b"431"),
        (b"GET /wait HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 5_000 + b"\r\n", b"431"),
        (b"GET /wait?" + b"x" * 9_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", b"414"),
        (b"POST /size/a HTTP/1.1\r\nhost: x\r\ncontent-encoding: br\r\ncontent-length: 0\r\n\r\n", b"415"),
    ],
    ids=["200 KB header", "5,000 headers", "9 KB address", "compressed body"],
)
async def test_heads_beyond_the_caps_are_refused(request_head: bytes, status: bytes) -> None:
    async with serve(make_app()) as server:
        answer = await send_raw(server.address, request_head)
    assert answer.split(b" ")[1] == status


async def test_a_running_request_finishes_while_the_server_drains() -> None:
    release, begun = asyncio.Event(), asyncio.Event()
    serving = serve(make_app(release, begun), drain_s=5)
    server = await serving.__aenter__()
    async with aiohttp.ClientSession() as client:
        asking = asyncio.create_task(client.get(f"http://{server.address}/wait"))
        await begun.wait()
        leaving = asyncio.create_task(serving.__aexit__(None, None, None))
        await asyncio.sleep(0.3)
        release.set()
        answer = await asking
        assert await answer.json() == {"waited": True}
        await leaving


async def test_a_stream_without_end_does_not_keep_the_server() -> None:
    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            await asyncio.sleep(0.01)

    serving = serve(EdgeMiddleware(stream, max_body_bytes=1, log=capturing_log()[0]), drain_s=1)
    server = await serving.__aenter__()
    async with aiohttp.ClientSession() as client, client.get(f"http://{server.address}/") as answer:
        await answer.content.readany()
        async with asyncio.timeout(5):
            await serving.__aexit__(None, None, None)
        with pytest.raises(aiohttp.ClientError):
            await answer.content.read()


async def test_a_port_that_is_taken_is_named() -> None:
    async with serve(make_app()) as server:
        port = int(server.address.rpartition(":")[2])
        with pytest.raises(AddressInUse, match=f"127.0.0.1:{port}"):
            await serve(make_app(), port=port).__aenter__()


async def test_an_address_of_another_machine_says_why() -> None:
    with pytest.raises(Unavailable, match=r"192.0.2.1:0: .*assign"):
        await serve_http(make_app(), host="192.0.2.1", port=0, drain_s=1).__aenter__()


async def test_an_error_inside_the_context_comes_out_as_it_is() -> None:
    async def fail() -> None:
        async with serve(make_app()):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()


class PageApp:
    """An application with a start, an end and a websocket, as the dashboard's framework is."""

    def __init__(self, *, refuses_to_start: bool = False) -> None:
        self.refuses_to_start = refuses_to_start
        self.heard: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for event in ("startup", "shutdown"):
                self.heard.append((await receive())["type"])
                await send({"type": f"lifespan.{event}.{'failed' if self.refuses_to_start else 'complete'}"})
            return
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": (await receive())["text"]})


async def test_an_application_is_told_of_start_and_end_and_may_have_websockets() -> None:
    app = PageApp()
    edge = EdgeMiddleware(app, max_body_bytes=1, log=capturing_log()[0])
    serving = serve_http(edge, host="127.0.0.1", port=0, drain_s=1, lifespan="on", websockets="websockets-sansio")
    async with serving as server, aiohttp.ClientSession() as client:
        assert app.heard == ["lifespan.startup"]
        async with client.ws_connect(f"http://{server.address}/") as websocket:
            await websocket.send_str("hello")
            assert (await websocket.receive_str()) == "hello"
    assert app.heard == ["lifespan.startup", "lifespan.shutdown"]


async def test_an_application_that_refuses_to_start_stops_the_service_and_not_the_process() -> None:
    app = PageApp(refuses_to_start=True)
    with pytest.raises(Unavailable, match="did not start"):
        await serve_http(app, host="127.0.0.1", port=0, drain_s=1, lifespan="on").__aenter__()
