import asyncio
import gc

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import (
    DeadlineExceeded,
    ErrorKind,
    Internal,
    InvalidArgument,
    NotFound,
    Overloaded,
    RateLimited,
    ServiceError,
    Unavailable,
    UpstreamFailed,
    class_of,
)
from pointsman.kit.grpc_server import GrpcServerLimits
from pointsman.kit.request_context import bind_request
from tests.integration.kit.conftest import Served
from tests.integration.kit.echo import SERVICE, Echo, EchoStub, Transport, failure_of, open_channel, read_all, until

HELLO = StringValue(value="hello")


def lines_of(served: Served) -> list[tuple[str, str]]:
    return [(entry["method"], entry["outcome"]) for entry in served.logged.entries if entry["event"] == "rpc_finished"]


async def test_a_call_is_answered(served: Served) -> None:
    assert (await served.channel.call(served.stub.say, HELLO, deadline=Deadline.after(2))).value == "hello"


async def test_a_handler_sees_the_time_that_its_caller_has_left(served: Served) -> None:
    await served.channel.call(served.stub.say, HELLO, deadline=Deadline.after(1.5))
    assert served.echo.seen_remaining_s is not None
    assert 1.0 < served.echo.seen_remaining_s <= 1.51


async def test_a_call_without_a_deadline_gets_the_servers(served: Served) -> None:
    await served.stub.say(HELLO)
    assert served.echo.seen_remaining_s is not None
    assert 4.0 < served.echo.seen_remaining_s <= 5.0


async def test_a_deadline_beyond_the_limit_is_cut(served: Served) -> None:
    await served.channel.call(served.stub.say, HELLO, deadline=Deadline.after(10 * 365 * 86_400))
    assert served.echo.seen_remaining_s is not None
    assert 590.0 < served.echo.seen_remaining_s <= 600.0


async def test_a_long_lived_method_may_last_an_hour_and_no_longer(transport: Transport) -> None:
    echo = Echo()
    limits = GrpcServerLimits(long_lived_methods=frozenset({"Watch"}))
    async with transport.serve(echo, limits=limits) as server, transport.bare(server) as channel:
        call = EchoStub(channel).watch(HELLO, timeout=7_200)
        await call.read()
        call.cancel()
    assert echo.seen_remaining_s is not None
    assert 3_590.0 < echo.seen_remaining_s <= 3_600.0


async def test_a_call_with_no_time_left_is_not_made(served: Served) -> None:
    error = await failure_of(served.channel.call(served.stub.say, HELLO, deadline=Deadline.after(0)))
    assert isinstance(error, DeadlineExceeded)
    assert served.echo.begun_count == 0


async def test_a_slow_handler_ends_at_the_deadline(served: Served) -> None:
    async def never(_: str) -> str:
        await asyncio.Event().wait()
        return ""

    served.echo.answer = never
    error = await failure_of(served.channel.call(served.stub.say, HELLO, deadline=Deadline.after(0.6)))
    assert (error.kind, error.reason) == (ErrorKind.DEADLINE_EXCEEDED, "deadline_exceeded")
    await until(lambda: served.echo.cancelled_count == 1)


async def test_the_servers_own_deadline_ends_a_stream_that_has_none(transport: Transport) -> None:
    echo = Echo(stream_pause_s=0.02)
    async with (
        transport.serve(echo, limits=GrpcServerLimits(default_deadline_s=0.1)) as server,
        transport.bare(server) as bare,
    ):
        call = EchoStub(bare).count(HELLO)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in call:
                pass
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert echo.cancelled_count == 1


ERRORS = [
    class_of(kind)(
        f"reason_of_{kind}", f"why: {kind}, ünïcode", param="messages.0", provider="openai", retry_after_s=2.5, metadata={"more": "facts"}
    )
    for kind in ErrorKind
]


@pytest.mark.parametrize("error", ERRORS, ids=[error.kind for error in ERRORS])
async def test_every_kind_of_error_arrives_as_it_was_raised(served: Served, error: ServiceError) -> None:
    served.echo.failure = error
    seen = await failure_of(served.channel.call(served.stub.say, HELLO, deadline=Deadline.after(2)))
    assert type(seen) is type(error)
    assert (seen.kind, seen.reason, seen.message) == (error.kind, error.reason, error.message)
    assert (seen.param, seen.provider, seen.retry_after_s, dict(seen.metadata)) == ("messages.0", "openai", 2.5, {"more": "facts"})


async def test_an_error_without_particulars_arrives_without_them(served: Served) -> None:
    served.echo.failure = NotFound("model_not_found", "no such model")
    seen = await failure_of(served.channel.call(served.stub.say, HELLO, deadline=Deadline.after(2)))
    assert (seen.param, seen.provider, seen.retry_after_s, dict(seen.metadata)) == (None, None, None, {})


async def test_a_streams_error_arrives_as_it_was_raised(served: Served) -> None:
    served.echo.failure = UpstreamFailed("provider_error", "it broke", provider="openai")
    async with served.channel.stream(served.stub.count, HELLO, deadline=Deadline.after(2)) as messages:
        with pytest.raises(UpstreamFailed) as caught:
            await read_all(messages)
    assert (caught.value.reason, caught.value.provider) == ("provider_error", "openai")


async def test_a_message_of_100_kb_is_cut_and_loses_no_error(served: Served) -> None:
    served.echo.failure = InvalidArgument("invalid_value", "é" * 100_000)
    seen = await failure_of(served.channel.call(served.stub.say, HELLO, deadline=Deadline.after(2)))
    assert (seen.kind, seen.reason) == (ErrorKind.INVALID_ARGUMENT, "invalid_value")
    assert 1_000 < len(seen.message) < 10_000


async def test_a_bug_reaches_the_caller_without_its_text_and_the_log_with_it(served: Served) -> None:
    served.echo.failure = ValueError("SECRET-7")
    with bind_request("req_abc"):
        seen = await failure_of(served.channel.call(served.stub.say, HELLO, deadline=Deadline.after(2)))
    assert isinstance(seen, Internal)
    assert (seen.reason, seen.message) == ("internal", "internal error, request req_abc")
    crash = next(entry for entry in served.logged.entries if entry["event"] == "rpc_crashed")
    assert str(crash["exc_info"]) == "SECRET-7"


async def test_a_timeout_of_the_handlers_own_is_a_bug_and_no_deadline(served: Served) -> None:
    served.echo.failure = TimeoutError()
    seen = await failure_of(served.channel.call(served.stub.say, HELLO, deadline=Deadline.after(2)))
    assert isinstance(seen, Internal)


async def test_request_id_travels_with_the_call(served: Served) -> None:
    with bind_request("req_abc"):
        await served.channel.call(served.stub.say, HELLO, deadline=Deadline.after(2))
    assert served.echo.seen_request_id == "req_abc"


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", 'a"b'], ids=["empty", "long", "space", "quote"])
async def test_a_request_id_that_is_not_well_formed_is_replaced(served: Served, given: str) -> None:
    await served.stub.say(HELLO, metadata=[("x-request-id", given)])
    assert served.echo.seen_request_id is not None
    assert served.echo.seen_request_id.startswith("req_")


async def test_abandoned_streams_are_cancelled_at_the_server(served: Served) -> None:
    served.echo.stream_pause_s = 0.01
    for _ in range(20):
        async with served.channel.stream(served.stub.count, HELLO, deadline=Deadline.after(60)) as messages:
            async for _ in messages:
                break
    await until(lambda: served.echo.cancelled_count == 20)
    assert served.echo.cancelled_count == 20
    await until(lambda: served.server.in_flight_count == 0)


async def test_without_the_cancel_abandoned_streams_would_go_on(served: Served) -> None:
    """Why the context of a stream is not a matter of style (grpc/grpc#43462). When this fails, gRPC has learnt it."""
    served.echo.stream_pause_s = 0.01
    calls = []
    for _ in range(20):
        call = served.stub.count(HELLO)
        async for _ in call:
            break
        calls.append(call)
    gc.collect()
    await asyncio.sleep(0.3)
    assert served.echo.cancelled_count == 0
    for call in calls:
        call.cancel()


async def test_a_stream_is_cancelled_where_its_reader_fails(served: Served) -> None:
    async def read_and_fail() -> None:
        async with served.channel.stream(served.stub.count, HELLO, deadline=Deadline.after(60)) as messages:
            await anext(messages)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await read_and_fail()
    await until(lambda: served.echo.cancelled_count == 1)


async def test_a_caller_that_reads_nothing_and_leaves_frees_the_server(served: Served) -> None:
    """The handler is inside a write then, which is where a generator would be left suspended."""
    async with served.channel.stream(served.stub.count, HELLO, deadline=Deadline.after(60)) as messages:
        await anext(messages)
        await asyncio.sleep(0.2)
    await until(lambda: served.server.in_flight_count == 0)
    assert served.echo.cancelled_count == 1


async def test_a_cancelled_caller_cancels_the_handler(served: Served) -> None:
    async def never(_: str) -> str:
        await asyncio.Event().wait()
        return ""

    served.echo.answer = never
    calling = asyncio.create_task(served.channel.call(served.stub.say, HELLO, deadline=Deadline.after(60)))
    await served.echo.started.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    await until(lambda: served.echo.cancelled_count == 1)
    await until(lambda: any(entry.get("outcome") == "cancelled" for entry in served.logged.entries))


async def test_each_call_leaves_one_line(served: Served) -> None:
    await served.channel.call(served.stub.say, HELLO, deadline=Deadline.after(2))
    served.echo.failure = RateLimited("rate_limit_exceeded", "too many")
    await failure_of(served.channel.call(served.stub.say, HELLO, deadline=Deadline.after(2)))
    expected = [(f"/{SERVICE}/Say", "ok"), (f"/{SERVICE}/Say", "rate_limit_exceeded")]
    await until(lambda: lines_of(served) == expected)
    assert "hello" not in str(served.logged.entries)


async def test_a_peer_that_is_not_there_is_a_dependency_down() -> None:
    async with open_channel("127.0.0.1:1") as channel:
        error = await failure_of(channel.call(EchoStub(channel.channel).say, HELLO, deadline=Deadline.after(2)))
    assert isinstance(error, Unavailable)
    assert (error.reason, error.message) == ("dependency_down", "test: unavailable")


async def test_a_call_that_may_be_repeated_is_repeated_and_another_is_not(transport: Transport) -> None:
    async def begun_with(*, retryable: bool) -> int:
        echo = Echo(failure=Unavailable("dependency_down", "away"))
        async with transport.serve(echo) as server:
            await server.set_serving(SERVICE, serving=True)
            async with transport.dial(server.address, retryable=retryable) as channel:
                await failure_of(channel.call(EchoStub(channel.channel).say, HELLO, deadline=Deadline.after(2)))
        return echo.begun_count

    assert await begun_with(retryable=False) == 1
    assert await begun_with(retryable=True) == 3


async def test_an_overloaded_peer_meets_no_storm_of_retries(transport: Transport) -> None:
    echo = Echo(failure=Overloaded("overloaded", "too much"))
    async with transport.serve(echo) as server:
        await server.set_serving(SERVICE, serving=True)
        async with transport.dial(server.address, retryable=True) as channel:
            stub = EchoStub(channel.channel)
            for _ in range(50):
                assert isinstance(await failure_of(channel.call(stub.say, HELLO, deadline=Deadline.after(2))), Overloaded)
    assert echo.begun_count <= 60
