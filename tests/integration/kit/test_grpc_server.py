import asyncio
import errno
import socket
from collections.abc import Awaitable
from typing import Any, TypeAlias

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2

from pointsman.kit import grpc_health
from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import AddressInUse, DeadlineExceeded, Overloaded, Unauthenticated, Unavailable
from pointsman.kit.grpc_client import service_config
from pointsman.kit.grpc_server import GrpcServerLimits, serve_grpc
from tests.integration.kit.conftest import Served
from tests.integration.kit.echo import (
    SERVICE,
    Echo,
    EchoStub,
    Transport,
    capturing_log,
    failure_of,
    open_channel,
    read_all,
    serve_echo,
    until,
)

HELLO = StringValue(value="hello")
SERVING, NOT_SERVING, UNKNOWN = 1, 2, 3

HealthWatch: TypeAlias = "grpc.aio.UnaryStreamCall[Any, health_pb2.HealthCheckResponse]"


async def code_of(call: Awaitable[object]) -> grpc.StatusCode:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def watch_health(channel: grpc.aio.Channel, name: str) -> HealthWatch:
    method = channel.unary_stream(
        "/grpc.health.v1.Health/Watch",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    return method(health_pb2.HealthCheckRequest(service=name))


async def status_of(watch: HealthWatch) -> int:
    answer = await watch.read()
    assert isinstance(answer, health_pb2.HealthCheckResponse)
    return answer.status


async def check(channel: grpc.aio.Channel, name: str) -> int:
    method = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    answer = await method(health_pb2.HealthCheckRequest(service=name), timeout=2)
    return answer.status


async def test_an_unknown_method_is_unimplemented(served: Served) -> None:
    assert await code_of(served.stub.unknown(HELLO, timeout=2)) is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("message", [b"\x0a\x05hel", b"\xff" * 100, b"\x0a\x02\xff\xfe"], ids=["cut", "noise", "not UTF-8"])
async def test_bytes_that_are_no_message_end_their_call_alone(served: Served, message: bytes) -> None:
    raw: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = served.channel.channel.unary_unary(f"/{SERVICE}/Say")
    assert await code_of(raw(message, timeout=2)) is grpc.StatusCode.INVALID_ARGUMENT
    assert served.echo.begun_count == 0
    assert (await served.channel.call(served.stub.say, HELLO, deadline=Deadline.after(2))).value == "hello"


async def test_a_message_above_the_limit_is_refused_and_the_connection_lives(transport: Transport) -> None:
    echo = Echo()
    async with transport.serve(echo, limits=GrpcServerLimits(max_message_bytes=1_000)) as server:
        await server.set_serving(SERVICE, serving=True)
        async with transport.dial(server.address) as channel:
            stub = EchoStub(channel.channel)
            large = StringValue(value="x" * 2_000)
            assert await code_of(stub.say(large, timeout=2)) is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert isinstance(await failure_of(channel.call(stub.say, large, deadline=Deadline.after(2))), Overloaded)
            assert (await channel.call(stub.say, HELLO, deadline=Deadline.after(2))).value == "hello"
    assert echo.begun_count == 1


async def test_metadata_of_20_kb_is_refused(served: Served) -> None:
    code = await code_of(served.stub.say(HELLO, timeout=2, metadata=[("x-large", "x" * 20_000)]))
    assert code is not grpc.StatusCode.OK
    assert (await served.channel.call(served.stub.say, HELLO, deadline=Deadline.after(2))).value == "hello"


async def test_calls_beyond_the_limit_are_shed_at_once(transport: Transport) -> None:
    release = asyncio.Event()

    async def wait(_: str) -> str:
        await release.wait()
        return "done"

    echo = Echo(answer=wait)
    limits = GrpcServerLimits(max_concurrent_calls=8)
    async with transport.serve(echo, limits=limits) as server, transport.bare(server) as bare:
        stub = EchoStub(bare)
        calls = [asyncio.ensure_future(code_of(stub.say(HELLO, timeout=5))) for _ in range(20)]
        await until(lambda: sum(call.done() for call in calls) == 12)
        release.set()
        codes = await asyncio.gather(*calls)
    assert codes.count(grpc.StatusCode.OK) == 8
    assert codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED) == 12


@pytest.mark.parametrize(
    ("shown", "is_let_in"),
    [(None, False), ("Bearer wrong", False), ("right", False), ("Bearer right", True)],
    ids=["none", "wrong", "without its scheme", "right"],
)
async def test_service_token(shown: str | None, is_let_in: bool, transport: Transport) -> None:  # noqa: FBT001  # a table's column
    echo = Echo()
    metadata = [("authorization", shown)] if shown else []
    async with transport.serve(echo, token="right") as server, transport.bare(server) as bare:
        code = await code_of(EchoStub(bare).say(HELLO, timeout=2, metadata=metadata))
        assert await check(bare, "") == NOT_SERVING  # probes carry no token
    assert code is (grpc.StatusCode.OK if is_let_in else grpc.StatusCode.UNAUTHENTICATED)
    assert echo.begun_count == is_let_in


async def test_a_channel_shows_its_service_token(transport: Transport) -> None:
    async with transport.serve(Echo(), token="right") as server:
        await server.set_serving(SERVICE, serving=True)
        async with transport.dial(server.address, token="right") as channel:
            assert (await channel.call(EchoStub(channel.channel).say, HELLO, deadline=Deadline.after(2))).value == "hello"
        async with transport.dial(server.address) as channel:
            error = await failure_of(channel.call(EchoStub(channel.channel).say, HELLO, deadline=Deadline.after(2)))
    assert isinstance(error, Unauthenticated)
    assert "right" not in str(error)


async def test_health_tells_each_service_by_name_and_all_by_none(transport: Transport) -> None:
    async with transport.serve(Echo()) as server, transport.bare(server) as bare:
        assert (await check(bare, SERVICE), await check(bare, "")) == (NOT_SERVING, NOT_SERVING)
        await server.set_serving(SERVICE, serving=True)
        assert (await check(bare, SERVICE), await check(bare, "")) == (SERVING, SERVING)
        assert await code_of(check(bare, "pointsman.Unknown")) is grpc.StatusCode.NOT_FOUND


async def test_health_watch_tells_each_change_and_ends_with_the_server(transport: Transport) -> None:
    seen: list[int] = []
    async with transport.serve(Echo()) as server, transport.bare(server) as bare:
        watch = watch_health(bare, SERVICE)

        async def follow() -> None:
            async for answer in watch:
                seen.append(answer.status)  # noqa: PERF401  # read while it grows

        following = asyncio.create_task(follow())
        await until(lambda: seen == [NOT_SERVING])
        await server.set_serving(SERVICE, serving=True)
        await until(lambda: seen == [NOT_SERVING, SERVING])
        server.health.end()
        await following
    assert seen == [NOT_SERVING, SERVING, NOT_SERVING]


async def test_health_watch_of_an_unknown_service_says_so_and_goes_on(transport: Transport) -> None:
    async with transport.serve(Echo()) as server, transport.bare(server) as bare:
        watch = watch_health(bare, "pointsman.Unknown")
        assert await status_of(watch) == UNKNOWN
        assert not watch.done()
        watch.cancel()


async def test_health_watches_are_bounded_and_freed(transport: Transport) -> None:
    async with transport.serve(Echo()) as server, transport.bare(server) as bare:
        watches = [watch_health(bare, SERVICE) for _ in range(grpc_health.MAX_WATCHES)]
        for watch in watches:
            await watch.read()
        assert await code_of(watch_health(bare, SERVICE).read()) is grpc.StatusCode.UNAVAILABLE
        for watch in watches:
            watch.cancel()
        await until(lambda: server.health.watch_count == 0)
        assert await status_of(watch_health(bare, SERVICE)) == NOT_SERVING


async def test_a_server_that_does_not_serve_gets_no_calls(transport: Transport) -> None:
    echo = Echo()
    async with transport.serve(echo) as server, transport.dial(server.address) as channel:
        stub = EchoStub(channel.channel)
        assert isinstance(await failure_of(channel.call(stub.say, HELLO, deadline=Deadline.after(2))), Unavailable)
        assert echo.begun_count == 0
        await server.set_serving(SERVICE, serving=True)
        async with asyncio.timeout(2):
            while True:
                try:
                    await channel.call(stub.say, HELLO, deadline=Deadline.after(2))
                    break
                except Unavailable:
                    await asyncio.sleep(0.01)


async def test_a_running_call_finishes_while_the_server_drains(transport: Transport) -> None:
    release = asyncio.Event()

    async def wait(_: str) -> str:
        await release.wait()
        return "done"

    echo = Echo(answer=wait)
    serving = transport.serve(echo, drain_s=5)
    server = await serving.__aenter__()
    await server.set_serving(SERVICE, serving=True)
    async with transport.dial(server.address) as channel:
        calling = asyncio.create_task(channel.call(EchoStub(channel.channel).say, HELLO, deadline=Deadline.after(5)))
        await echo.started.wait()
        leaving = asyncio.create_task(serving.__aexit__(None, None, None))
        await asyncio.sleep(0.05)
        release.set()
        assert (await calling).value == "done"
        await leaving


async def test_a_call_that_outlives_the_drain_hears_why_it_ends(transport: Transport) -> None:
    async def never(_: str) -> str:
        await asyncio.Event().wait()
        return ""

    echo = Echo(answer=never)
    serving = transport.serve(echo, drain_s=0.1)
    server = await serving.__aenter__()
    await server.set_serving(SERVICE, serving=True)
    async with transport.dial(server.address) as channel:
        calling = asyncio.create_task(failure_of(channel.call(EchoStub(channel.channel).say, HELLO, deadline=Deadline.after(60))))
        await echo.started.wait()
        await serving.__aexit__(None, None, None)
        assert (await calling).reason == "shutting_down"


async def test_a_drain_waits_for_no_watch(transport: Transport) -> None:
    echo = Echo(stream_pause_s=0.01)
    serving = transport.serve(echo, limits=GrpcServerLimits(long_lived_methods=frozenset({"Watch"})), drain_s=60)
    server = await serving.__aenter__()
    await server.set_serving(SERVICE, serving=True)
    async with transport.dial(server.address) as channel:
        stub = EchoStub(channel.channel)
        async with channel.stream(stub.watch, HELLO, deadline=Deadline.after(3_600)) as messages:
            await anext(messages)
            async with asyncio.timeout(5):
                await serving.__aexit__(None, None, None)
            with pytest.raises(Unavailable, match="shutting_down"):
                await read_all(messages)


async def test_a_port_that_is_taken_is_named() -> None:
    async with serve_echo(Echo()) as server:
        port = int(server.address.rpartition(":")[2])
        with pytest.raises(AddressInUse, match=f"127.0.0.1:{port}"):
            await serve_echo(Echo(), port=port).__aenter__()


async def test_an_address_of_another_machine_says_why() -> None:
    with pytest.raises(Unavailable, match=r"192.0.2.1:0: .*assign"):
        await serve_grpc(host="192.0.2.1", port=0, service_names=[SERVICE], register=Echo().register, log=capturing_log()[0]).__aenter__()


async def test_the_port_is_free_again_when_the_server_has_ended() -> None:
    async with serve_echo(Echo()) as server:
        port = int(server.address.rpartition(":")[2])
    async with serve_echo(Echo(), port=port) as again:
        assert again.address == server.address
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


async def test_a_channel_finds_a_server_that_comes_back() -> None:
    async with serve_echo(Echo()) as server:
        await server.set_serving(SERVICE, serving=True)
        address, port = server.address, int(server.address.rpartition(":")[2])
        channel = open_channel(address)
        stub = EchoStub(channel.channel)
        await channel.call(stub.say, HELLO, deadline=Deadline.after(2))
    async with channel:
        assert isinstance(await failure_of(channel.call(stub.say, HELLO, deadline=Deadline.after(1))), Unavailable | DeadlineExceeded)
        async with serve_echo(Echo(), port=port) as server:
            await server.set_serving(SERVICE, serving=True)
            async with asyncio.timeout(5):
                while True:
                    try:
                        assert (await channel.call(stub.say, HELLO, deadline=Deadline.after(1))).value == "hello"
                        break
                    except Unavailable:
                        await asyncio.sleep(0.05)


def test_a_service_config_leaves_methods_that_must_not_be_repeated_alone() -> None:
    assert '"methodConfig": []' in service_config(SERVICE, [])
    assert '"maxAttempts": 3' in service_config(SERVICE, ["Say"])
