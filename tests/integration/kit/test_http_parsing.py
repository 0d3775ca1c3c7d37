import asyncio
import json
import os

import pytest

from pointsman.kit.http_limits import HttpLimits
from tests.integration.kit.echo import until
from tests.integration.kit.wire import GET, MAX_BODY_BYTES, Site, dial, exchange, serve_site

POST = b"POST /size HTTP/1.1\r\nhost: x\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"

MALFORMED: dict[str, bytes] = {
    "length and chunks": POST + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    "the same length twice": POST + b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello",
    "length as a list": POST + b"content-length: 5, 5\r\n\r\nhello",
    "negative length": POST + b"content-length: -1\r\n\r\nhello",
    "length with a sign": POST + b"content-length: +5\r\n\r\nhello",
    "hexadecimal length": POST + b"content-length: 0x5\r\n\r\nhello",
    "length beyond 64 bits": POST + b"content-length: 99999999999999999999999\r\n\r\nhello",
    "unknown transfer encoding": POST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "transfer encoding besides chunks": POST + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunks twice": POST + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks over HTTP/1.0": POST.replace(b"1.1", b"1.0") + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "bad chunk size": CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n",
    "negative chunk size": CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
    "chunk size beyond 64 bits": CHUNKED + b"ffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "chunk extension of 1 MB": CHUNKED + b"5;" + b"x" * 1_000_000 + b"\r\nhello\r\n0\r\n\r\n",
    "space before the colon": GET[:-4] % b"a" + b"\r\na : b\r\n\r\n",
    "folded header": GET[:-4] % b"a" + b"\r\na: b\r\n c\r\n\r\n",
    "bare line feeds": b"GET /name/a HTTP/1.1\nhost: x\n\n",
    "carriage return in a header": GET[:-4] % b"a" + b"\r\na: b\rc\r\n\r\n",
    "NUL in a header": GET[:-4] % b"a" + b"\r\na: b\x00c\r\n\r\n",
    "no host": b"GET /name/a HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /name/a HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
    "no version": b"GET /name/a\r\n",
    "HTTP/0.9": b"GET /name/a HTTP/0.9\r\n\r\n",
    "HTTP/2.0": b"GET /name/a HTTP/2.0\r\nhost: x\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "TLS hello": bytes.fromhex("16030100c8010000c40303") + os.urandom(200),
    "random bytes": b"\x80" + os.urandom(1_000),
    "bytes outside ASCII in the address": b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
    "a fragment in the address": b"GET /name/a#b HTTP/1.1\r\nhost: x\r\n\r\n",
    "unknown method": b"BREW /name/a HTTP/1.1\r\nhost: x\r\n\r\n",
    "a tunnel": b"CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
async def test_what_is_no_proper_request_is_refused_in_our_shape_and_the_connection_closed(data: bytes) -> None:
    site = Site()
    async with serve_site(site) as server:
        async with dial(server) as wire:
            wire.send(data)
            answer = await wire.answer()
            assert (answer.status, answer.code, answer.headers["connection"]) == (400, "invalid_value", "close")
            assert answer.headers["x-request-id"].startswith("req_")
            assert await wire.closed(timeout_s=1) == b""
        await until(lambda: len(site.logged.entries) > 0)
        assert len(site.logged.entries) == 1
    assert site.seen_headers == []


ELSEWHERE = {
    "another": b"http://evil/name/a",
    "another behind ours": b"http://x@evil/name/a",
    "ours behind another": b"http://evil@x/name/a",
    "another port": b"http://x:81/name/a",
    "another in a query": b"http://evil?http://x/name/a",
    "none": b"http:///name/a",
}


@pytest.mark.parametrize("target", ELSEWHERE.values(), ids=ELSEWHERE.keys())
async def test_an_address_that_names_another_host_than_the_header_is_refused(target: bytes) -> None:
    site = Site()
    async with serve_site(site) as server, dial(server) as wire:
        wire.send(b"GET " + target + b" HTTP/1.1\r\nhost: x\r\n\r\n")
        answer = await wire.answer()
        assert answer.status == 400
        assert answer.code in {"unknown_host", "invalid_value"}
        assert await wire.closed() == b""
    assert site.served == []


@pytest.mark.parametrize("target", [b"http://x/name/a", b"http://X/name/a?http://evil/", b"/name/a?to=http://evil/"])
async def test_an_address_that_names_the_headers_host_is_taken(target: bytes) -> None:
    async with serve_site(Site()) as server:
        assert (await exchange(server, b"GET " + target + b" HTTP/1.1\r\nhost: x\r\n\r\n")).body == b"a"


TOO_LARGE: dict[str, tuple[bytes, int, str]] = {
    "header of 17 KB": (GET[:-4] % b"a" + b"\r\na: " + b"x" * 17_000 + b"\r\n\r\n", 431, "headers_too_large"),
    "header of 1 MB": (GET[:-4] % b"a" + b"\r\na: " + b"x" * 1_000_000 + b"\r\n\r\n", 431, "headers_too_large"),
    "header name of 17 KB": (GET[:-4] % b"a" + b"\r\n" + b"x" * 17_000 + b": a\r\n\r\n", 431, "headers_too_large"),
    "101 headers": (GET[:-4] % b"a" + b"\r\na: b" * 100 + b"\r\n\r\n", 431, "headers_too_large"),
    "5,000 headers": (GET[:-4] % b"a" + b"\r\na: b" * 5_000 + b"\r\n\r\n", 431, "headers_too_large"),
    "address of 9 KB": (GET % (b"x" * 9_000), 414, "uri_too_long"),
    "query of 9 KB": (GET % (b"a?" + b"x" * 9_000), 414, "uri_too_long"),
    "1 GB declared": (POST + b"content-length: 1073741824\r\n\r\nhello", 413, "body_too_large"),
    "1 GB declared and word awaited": (POST + b"expect: 100-continue\r\ncontent-length: 1073741824\r\n\r\n", 413, "body_too_large"),
    "1 MB and a byte in chunks": (CHUNKED + b"100000\r\n" + b"x" * 0x100000 + b"\r\n1\r\nx\r\n0\r\n\r\n", 413, "body_too_large"),
    "compressed": (POST + b"content-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello", 415, "unsupported_media_type"),
}


@pytest.mark.parametrize(("data", "status", "code"), TOO_LARGE.values(), ids=TOO_LARGE.keys())
async def test_what_is_too_large_is_refused(data: bytes, status: int, code: str) -> None:
    site = Site()
    async with serve_site(site) as server:
        answer = await exchange(server, data)
        assert (answer.status, answer.code) == (status, code)
        await until(lambda: len(site.logged.entries) > 0)
        assert len(site.logged.entries) == 1
    assert not site.served
    assert not site.seen_headers


async def test_a_head_that_is_too_large_is_refused_before_its_end_has_come() -> None:
    async with serve_site(Site()) as server, dial(server) as wire:
        for _ in range(20):
            wire.send(b"GET /name/a HTTP/1.1\r\na: " + b"x" * 50_000)
            await asyncio.sleep(0.01)
        assert (await wire.answer()).code == "headers_too_large"


async def test_heads_at_the_limits_are_taken() -> None:
    head = GET[:-4] % (b"a?" + b"x" * (8 * 1024 - len("/name/a?"))) + b"\r\na: b" * 98 + b"\r\nb: " + b"x" * 16_000 + b"\r\n\r\n"
    async with serve_site(Site()) as server:
        assert (await exchange(server, head)).body == b"a"


async def test_after_a_refused_body_the_rest_is_no_request() -> None:
    """Else whoever smuggles one in behind a body that is refused has it served."""
    site = Site()
    async with serve_site(site) as server, dial(server) as wire:
        wire.send(POST + b"content-length: 1073741824\r\n\r\n")
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        wire.send(GET % b"smuggled")
        assert await wire.closed() == b""
    assert site.served == []


async def test_what_follows_a_body_that_nobody_read_is_not_served() -> None:
    """Its connection ended with the answer: it would be done without a word, and be sent again."""
    site = Site()
    async with serve_site(site) as server, dial(server) as wire:
        wire.send(POST.replace(b"/size", b"/name/a") + b"content-length: 5\r\n\r\n")
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (405, "close")
        wire.send(b"hello" + GET % b"late")
        assert await wire.closed() == b""
    assert (site.served, site.events("http_request_crashed")) == ([], [])


async def test_a_client_that_awaits_word_gets_it_and_sends_its_body() -> None:
    async with serve_site(Site()) as server, dial(server) as wire:
        wire.send(POST + b"expect: 100-continue\r\ncontent-length: 5\r\n\r\n")
        assert await wire.line() == b"HTTP/1.1 100 Continue\r\n"
        assert await wire.line() == b"\r\n"
        wire.send(b"hello")
        assert (await wire.answer()).body == b"5"


async def test_chunks_and_their_trailers_are_taken_and_the_trailers_forgotten() -> None:
    site = Site()
    async with serve_site(site) as server:
        answer = await exchange(server, CHUNKED + b"5\r\nhello\r\n5;a=b\r\nworld\r\n0\r\nx-smuggled: 1\r\nhost: y\r\n\r\n")
    assert answer.body == b"10"
    assert site.seen_headers == [{"host": "x", "transfer-encoding": "chunked"}]


async def test_a_body_of_one_byte_chunks_is_taken() -> None:
    async with serve_site(Site()) as server:
        answer = await exchange(server, CHUNKED + b"1\r\nx\r\n" * 50_000 + b"0\r\n\r\n")
    assert answer.body == b"50000"


async def test_a_body_at_the_cap_is_taken() -> None:
    async with serve_site(Site()) as server:
        body = b"x" * MAX_BODY_BYTES
        assert (await exchange(server, POST + b"content-length: %d\r\n\r\n" % len(body) + body)).body == b"%d" % len(body)


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
async def test_an_upgrade_that_is_not_served_is_answered_as_if_none_was_asked(protocol: bytes) -> None:
    site = Site()
    async with serve_site(site) as server, dial(server) as wire:
        wire.send(GET[:-4] % b"a" + b"\r\nconnection: upgrade\r\nupgrade: " + protocol + b"\r\n\r\n" + GET % b"smuggled")
        answer = await wire.answer()
        assert (answer.body, answer.headers["connection"]) == (b"a", "close")
        assert await wire.closed() == b""
    assert site.served == ["a"]


async def test_requests_sent_ahead_are_answered_in_order() -> None:
    site = Site()
    async with serve_site(site) as server, dial(server) as wire:
        bodies = [b"x" * number for number in range(100)]
        wire.send(b"".join(POST + b"content-length: %d\r\n\r\n" % len(body) + body for body in bodies))
        assert [(await wire.answer()).body for _ in bodies] == [b"%d" % len(body) for body in bodies]
        wire.send(GET % b"after")
        assert (await wire.answer()).body == b"after"


async def test_ten_thousand_requests_are_served_on_one_connection() -> None:
    async with serve_site(Site()) as server, dial(server) as wire:
        for first in range(0, 10_000, 100):
            names = [b"%d" % number for number in range(first, first + 100)]
            wire.send(b"".join(GET % name for name in names))
            assert [(await wire.answer()).body for _ in names] == names


async def test_requests_sent_ahead_beyond_the_limit_are_refused_after_those_before_them() -> None:
    site, count = Site(), HttpLimits().max_pipelined
    async with serve_site(site) as server, dial(server) as wire:
        wire.send(GET % b"slow" + b"".join(GET % (b"%d" % number) for number in range(count + 10)))
        await site.begun.wait()
        site.release.set()
        assert (await wire.answer()).body == b"slow"
        assert [(await wire.answer()).body for _ in range(count)] == [b"%d" % number for number in range(count)]
        refusal = await wire.answer()
        assert (refusal.status, refusal.code) == (503, "overloaded")
        assert await wire.closed() == b""
    assert len(site.served) == count + 1


async def test_what_is_malformed_behind_a_request_does_not_disturb_its_answer() -> None:
    site = Site()
    async with serve_site(site) as server, dial(server) as wire:
        wire.send(GET % b"slow" + GET % b"next" + b"\x16\x03\x01 no request")
        await site.begun.wait()
        site.release.set()
        assert [(await wire.answer()).body for _ in range(2)] == [b"slow", b"next"]
        assert (await wire.answer()).status == 400
        assert await wire.closed() == b""


async def test_a_client_that_leaves_frees_all_that_it_sent_ahead() -> None:
    site = Site()
    async with serve_site(site) as server:
        async with dial(server) as wire:
            wire.send(GET % b"slow" + GET % b"never" * 5)
            await site.begun.wait()
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.1)
        site.release.set()
        await until(lambda: len(site.events("http_request_finished")) == 1)
        await asyncio.sleep(0.1)
    assert site.served == ["slow"]


async def test_a_client_that_leaves_in_the_midst_of_its_body_is_no_crash() -> None:
    site = Site()
    async with serve_site(site) as server:
        async with dial(server) as wire:
            wire.send(POST + b"content-length: 10\r\n\r\nhell")
            await site.begun.wait()
        await until(lambda: len(site.events("http_request_finished")) == 1)
    assert site.events("http_request_crashed") == []


async def test_a_refusal_is_counted_and_says_nothing_of_what_was_sent() -> None:
    site = Site()
    async with serve_site(site) as server:
        answer = await exchange(server, b"GET /canary HTTP/1.1\r\nhost: x\r\ncanary: canary\r\ncontent-length: canary\r\n\r\n")
        await until(lambda: len(site.logged.entries) > 0)
    labels = {"http_request_method": "_OTHER", "http_route": "none", "http_response_status_code": "400"}
    assert site.telemetry.registry.get_sample_value("http_server_request_duration_seconds_count", labels) == 1
    assert b"canary" not in answer.body
    assert "canary" not in json.dumps(site.logged.entries)
