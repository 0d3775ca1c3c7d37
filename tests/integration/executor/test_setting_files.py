"""Keys and certificate authorities in files, which others write while the executor runs."""

import asyncio
import shutil
from contextlib import AsyncExitStack
from pathlib import Path

from aiohttp import web

from tests.integration.executor.catalogs import Candidate
from tests.integration.executor.conftest import Answer, ExecutorClient, StartExecutor
from tests.integration.executor.http_servers import EXPIRED, SELF_SIGNED, http_server, whole_answer


async def answered(executor: ExecutorClient) -> Answer:
    """The first answer that is whole: files are looked at every two seconds."""
    async with asyncio.timeout(20):
        while True:
            answer = await executor.complete("small", stream=False, max_attempts=1)
            if answer.kinds[-1] == "done":
                return answer
            await asyncio.sleep(0.05)


def write_anew(path: Path, content: str) -> None:
    """As those who rotate secrets do: another file takes the name."""
    path.with_suffix(".next").write_text(content)
    path.with_suffix(".next").replace(path)


async def test_key_that_was_refused_is_tried_again_once_its_file_holds_another(start_executor: StartExecutor, tmp_path: Path) -> None:
    shown: list[str | None] = []

    async def locked(request: web.Request) -> web.Response:
        shown.append(request.headers.get("Authorization"))
        return whole_answer() if shown[-1] == "Bearer second" else web.json_response({"error": {"message": "no"}}, status=401)

    key = tmp_path / "key"
    key.write_text("first\n")
    async with http_server(locked) as url, start_executor([Candidate("small", url, api_key=f"file:{key}")]) as executor:
        refused = [await executor.complete("small", stream=False) for _ in range(3)]
        assert shown == ["Bearer first"]
        write_anew(key, "second\n")
        await answered(executor)
    assert {answer.failed.reason for answer in refused} == {"provider_auth"}
    assert shown == ["Bearer first", "Bearer second"]


async def test_key_file_that_is_missing_is_named_and_found_when_it_comes(start_executor: StartExecutor, tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        return whole_answer()

    key = tmp_path / "key"
    async with http_server(answer) as url, start_executor([Candidate("small", url, api_key=f"file:{key}")]) as executor:
        assert (await executor.states())["p"].not_callable_reason == f"the key file {key} cannot be read"
        write_anew(key, "there")
        await answered(executor)
        assert (await executor.states())["p"].callable


async def test_authorities_that_changed_are_trusted_from_then_on(start_executor: StartExecutor, tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        return whole_answer()

    authorities = tmp_path / "ca.pem"
    shutil.copy(EXPIRED, authorities)  # of someone else
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(http_server(answer, SELF_SIGNED))
        executor = await stack.enter_async_context(start_executor([Candidate("small", url, tls_ca_file=str(authorities))]))
        refused = await executor.complete("small", stream=False, max_attempts=1)
        write_anew(authorities, SELF_SIGNED.read_text())
        await answered(executor)
    assert "TLS" in refused.failed.message


async def test_authorities_that_can_not_be_read_make_their_provider_not_callable(start_executor: StartExecutor, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    catalog = [
        Candidate("small", "https://127.0.0.1:9", "p", tls_ca_file=str(tmp_path / "ca.pem")),
        Candidate("other", "https://127.0.0.1:9", "q", tls_ca_file=str(tmp_path / "none.pem")),
    ]
    async with start_executor(catalog) as executor:
        states = await executor.states()
    assert [states[id_].not_callable_reason for id_ in "pq"] == [
        f"the tls_ca_file {tmp_path}/{name}.pem cannot be read" for name in ("ca", "none")
    ]
