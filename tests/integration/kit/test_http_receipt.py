import asyncio
import time
from dataclasses import replace

import pytest

from pointsman.kit.http_limits import HttpLimits
from tests.integration.kit.echo import until
from tests.integration.kit.wire import GET, QUICK, Site, dial, exchange, serve_site

POST = b"POST /size HTTP/1.1\r\nhost: x\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"
# Takes far longer than QUICK allows, at a byte each 20 ms.
LONG = 500


async def test_a_connection_that_says_nothing_is_closed() -> None:
    async with serve_site(Site()) as server, dial(server) as wire:
        start_s = time.monotonic()
        assert await wire.closed() == b""
        assert 0.4 < time.monotonic() - start_s < 1.5


@pytest.mark.parametrize("head", [b"GET /name/a HTTP/1.1\r\nhost: x\r\n", b"GE"], ids=["all but the end", "two letters"])
async def test_a_head_that_stays_away_is_answered_and_the_connection_closed(head: bytes) -> None:
    site = Site()
    async with serve_site(site) as server, dial(server) as wire:
        wire.send(head)
        answer = await wire.answer()
        assert (answer.status, answer.code, answer.headers["connection"]) == (408, "request_timeout", "close")
        assert await wire.closed() == b""
    assert [(entry["status"], entry["reason"]) for entry in site.events("http_request_refused")] == [(408, "request_timeout")]


async def test_a_head_that_drips_does_not_win_time_with_each_byte() -> None:
    async with serve_site(Site()) as server, dial(server) as wire:
        dripping = asyncio.create_task(wire.drip(GET[:-2] % (b"x" * LONG), 0.02))
        assert (await wire.answer()).status == 408
        dripping.cancel()


async def test_a_later_head_has_its_own_time() -> None:
    async with serve_site(Site(), limits=replace(QUICK, idle_s=5)) as server, dial(server) as wire:
        for _ in range(3):
            wire.send(GET % b"a")
            assert (await wire.answer()).body == b"a"
            await asyncio.sleep(0.3)
        wire.send(b"GET /name/b HTTP/1.1\r\n")
        assert (await wire.answer()).status == 408


BODIES = {"counted": POST + b"content-length: 1000\r\n\r\nx", "in chunks": CHUNKED + b"1\r\nx\r\n"}


@pytest.mark.parametrize("data", BODIES.values(), ids=BODIES.keys())
async def test_a_body_that_stays_away_is_answered_and_the_connection_closed(data: bytes) -> None:
    site = Site()
    async with serve_site(site) as server, dial(server) as wire:
        wire.send(data)
        answer = await wire.answer()
        assert (answer.status, answer.code, answer.headers["connection"]) == (408, "request_timeout", "close")
        assert await wire.closed() == b""
    assert [entry["status"] for entry in site.events("http_request_finished")] == [408]
    assert site.events("http_request_crashed") == []


async def test_a_body_that_drips_is_cut_although_it_is_never_silent() -> None:
    async with serve_site(Site()) as server, dial(server) as wire:
        wire.send(POST + b"content-length: 1000\r\n\r\n")
        dripping = asyncio.create_task(wire.drip(b"x" * LONG, 0.02))
        assert (await wire.answer()).status == 408
        dripping.cancel()


async def test_a_body_may_take_the_longer_the_larger_it_is() -> None:
    limits = replace(QUICK, least_body_bytes_per_s=1_000)
    async with serve_site(Site(), limits=limits) as server, dial(server) as wire:
        wire.send(POST + b"content-length: 5000\r\n\r\n")
        for _ in range(10):  # three times as long as is allowed without a byte
            wire.send(b"x" * 500)
            await asyncio.sleep(0.15)
        assert (await wire.answer()).body == b"5000"


async def test_an_idle_connection_is_closed_without_a_word() -> None:
    async with serve_site(Site()) as server, dial(server) as wire:
        wire.send(GET % b"a")
        assert (await wire.answer()).body == b"a"
        assert await wire.closed() == b""


async def test_empty_lines_do_not_keep_an_idle_connection() -> None:
    async with serve_site(Site()) as server, dial(server) as wire:
        wire.send(GET % b"a")
        await wire.answer()
        dripping = asyncio.create_task(wire.drip(b"\r\n" * LONG, 0.02))
        assert await wire.closed() == b""
        dripping.cancel()


async def test_a_request_that_is_being_served_has_all_its_time() -> None:
    site = Site()
    async with serve_site(site) as server, dial(server) as wire:
        wire.send(GET % b"slow")
        await site.begun.wait()
        await asyncio.sleep(1.2)
        site.release.set()
        assert (await wire.answer()).body == b"slow"


async def test_a_body_that_the_application_is_slow_to_read_is_not_blamed_on_the_client() -> None:
    site = Site(read_pause_s=1.2)
    async with serve_site(site) as server, dial(server) as wire:
        wire.send(POST + b"content-length: 1000000\r\n\r\n" + b"x" * 1_000_000)
        assert (await wire.answer()).body == b"1000000"


async def test_a_client_that_does_not_read_is_cut_and_its_request_ends() -> None:
    site = Site()
    async with serve_site(site) as server, dial(server, receive_buffer_bytes=4_096) as wire:
        wire.send(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n")
        await until(lambda: len(site.events("http_connection_cut")) == 1)
        await until(lambda: len(site.events("http_request_finished")) == 1)
    assert [entry["reason"] for entry in site.events("http_connection_cut")] == ["write_stall"]


async def test_a_large_answer_to_a_client_that_does_not_read_waits_outside_of_the_connection() -> None:
    site = Site()
    async with serve_site(site, limits=replace(QUICK, write_stall_s=5)) as server, dial(server, receive_buffer_bytes=4_096) as wire:
        wire.send(b"GET /large?bytes=30000000 HTTP/1.1\r\nhost: x\r\n\r\n")
        await site.begun.wait()
        await asyncio.sleep(0.3)
        (connection,) = server.connections
        assert connection.transport.get_write_buffer_size() <= 256 << 10


async def test_an_answer_that_nobody_takes_does_not_keep_its_connection() -> None:
    """Also where it is small enough for the application to be done with it."""
    async with serve_site(Site(), limits=replace(QUICK, idle_s=60)) as server, dial(server, receive_buffer_bytes=4_096) as wire:
        for _ in range(100):
            wire.send(b"GET /large?bytes=60000 HTTP/1.1\r\nhost: x\r\nconnection: keep-alive\r\n\r\n")
        await until(lambda: len(server.connections) == 1)
        await until(lambda: not server.connections)


async def test_a_client_that_reads_slowly_gets_all() -> None:
    limits = replace(QUICK, write_stall_s=1)
    async with serve_site(Site(), limits=limits) as server, dial(server, receive_buffer_bytes=4_096) as wire:
        wire.send(b"GET /large?bytes=3000000 HTTP/1.1\r\nhost: x\r\n\r\n")
        received = 0
        for _ in range(40):  # twice as long as it may take nothing
            await asyncio.sleep(0.05)
            received += await wire.some(100_000)
        assert received + len(await wire.closed()) > 3_000_000


async def test_five_hundred_idle_connections_disturb_nobody() -> None:
    site = Site()
    async with serve_site(site, limits=HttpLimits(head_s=3)) as server:
        idle = [dial(server) for _ in range(500)]
        wires = [await one.__aenter__() for one in idle]
        for wire in wires[::2]:
            wire.send(b"GET /name/a HTTP/1.1\r\n")
        for number in range(50):
            assert (await exchange(server, GET % b"%d" % number)).body == b"%d" % number
        for one in idle:
            await one.__aexit__(None, None, None)
    assert len(site.served) == 50
