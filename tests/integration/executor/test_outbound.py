"""What leaves the executor, and where to: keys, addresses, sizes."""

import gzip
import hashlib
from pathlib import Path

import pytest
from aiohttp import web

from pointsman.api.config.v1 import config_pb2
from tests.fakes.provider.process import ProviderProcess
from tests.integration.executor.catalogs import Candidate
from tests.integration.executor.conftest import StartExecutor
from tests.integration.executor.http_servers import EXPIRED, SELF_SIGNED, http_server, whole_answer

HUGE_MIB = 64  # more than the buffers on the way hold


def hash_of(key: str) -> str:
    return hashlib.sha256(f"Bearer {key}".encode()).hexdigest()


@pytest.mark.parametrize(("provider_id", "key", "billed_to_caller"), [("openai", "callers-key", True), ("other", "operator-key", False)])
async def test_callers_key_goes_to_the_provider_named_openai_and_no_other(
    start_executor: StartExecutor,
    provider: ProviderProcess,
    provider_id: str,
    key: str,
    billed_to_caller: bool,  # noqa: FBT001
) -> None:
    async with start_executor([Candidate("small", provider.base_url, provider_id, upstream="ok-5")]) as executor:
        answer = await executor.complete("small", caller_api_key="callers-key")
    assert answer.done.finish_reason == "stop"
    assert provider.stats()["authorization_sha256s"] == [hash_of(key)]
    assert (answer.last_attempt.attempt.billed_to == 2) == billed_to_caller


async def test_callers_key_serves_where_the_operator_has_none_and_its_refusal_ejects_nothing(
    start_executor: StartExecutor, provider: ProviderProcess
) -> None:
    catalog = [
        Candidate("small", provider.base_url, "openai", upstream="ok-5", api_key="env:UNSET"),
        Candidate("locked", provider.base_url, "openai", upstream="err401", api_key="env:UNSET"),
    ]
    async with start_executor(catalog) as executor:
        without = await executor.complete("small")
        refused = await executor.complete("locked", caller_api_key="callers-key")
        served = await executor.complete("small", caller_api_key="callers-key")
    assert (without.kinds, without.failed.reason) == (["failed"], "no_healthy_provider")
    assert "UNSET is not set" in without.failed.message
    assert refused.failed.reason == "provider_auth"
    assert served.done.finish_reason == "stop"


@pytest.mark.parametrize(
    "base_url",
    [
        "https://127.0.0.1:1/v1",
        "https://[::1]:1/v1",
        "https://localhost:1/v1",
        "https://0x7f.1:1/v1",
        "https://[::ffff:127.0.0.1]:1/v1",
        "https://10.0.0.1:1/v1",
    ],
)
async def test_private_address_is_refused_at_connect(start_executor: StartExecutor, base_url: str) -> None:
    async with start_executor([Candidate("small", base_url, allow_private_address=False)]) as executor:
        answer = await executor.complete("small", max_attempts=1)
    assert answer.failed.reason == "provider_error"
    assert "address may not be called" in answer.failed.message


async def test_number_in_place_of_a_host_is_not_called(start_executor: StartExecutor) -> None:
    async with start_executor([Candidate("small", "https://2130706433:1/v1", allow_private_address=False)]) as executor:
        answer = await executor.complete("small", max_attempts=1)
    assert answer.failed.reason == "provider_error"


async def test_link_local_address_is_refused_even_where_private_ones_are_allowed(start_executor: StartExecutor) -> None:
    async with start_executor([Candidate("small", "http://169.254.169.254/v1")]) as executor:
        answer = await executor.complete("small", max_attempts=1)
    assert "address may not be called" in answer.failed.message


async def test_key_that_no_header_can_hold_fails_the_call_alone(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    catalog = [Candidate("odd", provider.base_url, "odd", api_key="env:ODD"), Candidate("fine", provider.base_url, "fine", upstream="ok")]
    async with start_executor(catalog, {"ODD": "two\r\nlines"}) as executor:
        assert (await executor.complete("odd", max_attempts=1)).failed.reason == "provider_error"
        assert (await executor.complete("fine")).done.finish_reason == "stop"


async def test_unencrypted_address_needs_permission(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    async with start_executor([Candidate("small", provider.base_url, allow_private_address=False)]) as executor:
        answer = await executor.complete("small")
    assert (answer.kinds, "not encrypted" in answer.failed.message) == (["failed"], True)
    assert provider.stats()["request_count"] == 0


async def test_answer_larger_than_8_mib_is_cut_off(start_executor: StartExecutor, provider: ProviderProcess) -> None:
    async with start_executor([Candidate("huge", provider.base_url, upstream=f"huge-{HUGE_MIB}")]) as executor:
        whole = await executor.complete("huge", stream=False, max_attempts=1)
        streamed = await executor.complete("huge", max_attempts=1)
    assert (whole.failed.reason, "8 MiB" in whole.failed.message) == ("provider_bad_response", True)
    assert streamed.failed.reason == "provider_bad_response"
    assert provider.stats()["sent_byte_count"] < HUGE_MIB << 20


async def test_compressed_answer_is_refused_unopened(start_executor: StartExecutor) -> None:
    async def bomb(request: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(bytes(20 << 20)), headers={"Content-Encoding": "gzip"})

    async with http_server(bomb) as url, start_executor([Candidate("bomb", url)]) as executor:
        answer = await executor.complete("bomb", stream=False, max_attempts=1)
    assert (answer.failed.reason, "compressed" in answer.failed.message) == ("provider_bad_response", True)


async def test_endless_headers_are_refused(start_executor: StartExecutor) -> None:
    async def talkative(request: web.Request) -> web.Response:
        return web.Response(headers={f"X-{number}": "x" * 1000 for number in range(500)})

    async with http_server(talkative) as url, start_executor([Candidate("talks", url)]) as executor:
        answer = await executor.complete("talks", max_attempts=1)
    assert answer.failed.reason == "provider_bad_response"


async def test_certificate_must_be_trusted_and_an_authority_of_ones_own_can_be_named(start_executor: StartExecutor) -> None:
    paths: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.path)
        return whole_answer()

    async with http_server(answer, SELF_SIGNED) as url:
        strict = Candidate("strict", url, "strict")
        trusting = Candidate("trusting", url, "trusting", tls_ca_file=str(SELF_SIGNED))
        async with start_executor([strict, trusting]) as executor:
            refused = await executor.complete("strict", stream=False, max_attempts=1)
            assert paths == []
            served = await executor.complete("trusting", stream=False)
    assert (refused.failed.reason, "TLS" in refused.failed.message) == ("provider_error", True)
    assert (served.done.finish_reason, paths) == ("stop", ["/v1/chat/completions"])


@pytest.mark.parametrize(("certificate", "host"), [(EXPIRED, "127.0.0.1"), (SELF_SIGNED, "127.0.0.2")], ids=["expired", "of another name"])
async def test_certificate_of_a_trusted_authority_must_be_good_too(start_executor: StartExecutor, certificate: Path, host: str) -> None:
    paths: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.path)
        return whole_answer()

    async with http_server(answer, certificate, host) as url:
        candidate = Candidate("small", url, tls_ca_file=str(certificate))
        async with start_executor([candidate]) as executor:
            refused = await executor.complete("small", stream=False, max_attempts=1)
    assert (refused.failed.reason, "TLS" in refused.failed.message, paths) == ("provider_error", True, [])


async def test_azure_is_called_by_deployment_version_and_its_own_header(start_executor: StartExecutor) -> None:
    seen: list[tuple[str, str, str | None, str | None]] = []

    async def azure(request: web.Request) -> web.Response:
        seen.append((request.path, request.query_string, request.headers.get("api-key"), request.headers.get("Authorization")))
        message = {"role": "assistant", "content": "hi"}
        return web.json_response({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    async with http_server(azure) as url:
        candidate = Candidate("gpt", "env:AZURE", "azure", upstream="my deployment", kind=config_pb2.PROVIDER_KIND_AZURE_OPENAI)
        async with start_executor([candidate], {"AZURE": url}) as executor:
            answer = await executor.complete("gpt", stream=False)
    assert answer.done.finish_reason == "stop"
    assert seen == [("/openai/deployments/my deployment/chat/completions", "api-version=2024-10-21", "operator-key", None)]


async def test_large_stream_comes_in_chunks_of_whole_events(start_executor: StartExecutor) -> None:
    event = b'data: {"model":"up","choices":[{"index":0,"delta":{"content":"%d"},"finish_reason":null}]}\n\n'
    last = b'data: {"model":"up","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

    async def fast(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"".join(event % number for number in range(2_000)) + last)
        return response

    async with http_server(fast) as url, start_executor([Candidate("big", url)]) as executor:
        answer = await executor.complete("big")
    chunks = [message.chunk.events for message in answer.events if message.HasField("chunk")]
    assert all(len(chunk) <= 16 << 10 and chunk.startswith(b"data: ") and chunk.endswith(b"\n\n") for chunk in chunks)
    assert b"".join(chunks).count(b'"model":"big"') == 2_001
    assert len(chunks) < 60
