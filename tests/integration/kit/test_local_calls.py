"""What is particular to calls without a wire; what is not is tried over both."""

import asyncio
import contextvars
from contextlib import suppress

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import DeadlineExceeded, Unavailable
from pointsman.kit.grpc_client import ServiceChannel
from pointsman.kit.grpc_server import GrpcServerLimits
from pointsman.kit.local_channel import LocalChannel
from pointsman.kit.local_exchange import MAX_UNREAD_BYTES, Exchange
from pointsman.kit.local_network import LocalNetwork
from pointsman.kit.request_context import bind_request
from tests.fakes.spans import RecordedSpans
from tests.integration.kit.echo import SERVICE, Echo, EchoStub, Transport, capturing_log, failure_of, read_all, until
from tests.integration.kit.test_telemetry import recording

HELLO = StringValue(value="hello")


@pytest.fixture
def transport() -> Transport:
    return Transport(LocalNetwork())


def say(channel: ServiceChannel, message: StringValue = HELLO, *, seconds: float = 2) -> "asyncio.Task[StringValue]":
    return asyncio.ensure_future(channel.call(EchoStub(channel.channel).say, message, deadline=Deadline.after(seconds)))


async def test_no_side_sees_what_the_other_does_to_its_message(transport: Transport) -> None:
    answers: list[StringValue] = []

    class Scribbler(Echo):
        async def say(self, request: StringValue, context: object) -> StringValue:
            request.value += " scribbled"
            answers.append(StringValue(value=request.value))
            return answers[-1]

    async with transport.serve(Scribbler()) as server:
        await server.set_serving(SERVICE, serving=True)
        async with transport.dial(server.address) as channel:
            sent = StringValue(value="sent")
            got = await say(channel, sent)
            answers[-1].value = "changed later"
    assert (sent.value, got.value) == ("sent", "sent scribbled")


async def test_nothing_but_metadata_reaches_a_handler(transport: Transport) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    variable.set("the caller's")

    async def read_variable(_: str) -> str:
        return variable.get()

    echo = Echo(answer=read_variable)
    async with transport.serve(echo) as server:
        await server.set_serving(SERVICE, serving=True)
        async with transport.dial(server.address) as channel:
            with bind_request("req_abc"):
                assert (await say(channel)).value == "unset"
    assert echo.seen_request_id == "req_abc"


async def test_a_call_is_traced_and_counted_as_over_a_wire(transport: Transport) -> None:
    spans = RecordedSpans()
    telemetry = recording(spans)
    async with transport.serve(Echo(), telemetry=telemetry) as server:
        await server.set_serving(SERVICE, serving=True)
        async with transport.dial(server.address) as channel:
            with spans.tracing.span("caller"):
                await say(channel)
    caller, served = spans.all
    assert (served.name, served.parent) == (f"{SERVICE}/Say", caller.traceparent)
    assert telemetry.registry.get_sample_value("rpc_server_duration_seconds_count", {"rpc_method": "Say", "outcome": "ok"}) == 1


async def test_a_target_of_another_process_is_called_over_the_wire(transport: Transport) -> None:
    async with Transport(None).serve(Echo()) as elsewhere:
        await elsewhere.set_serving(SERVICE, serving=True)
        async with ServiceChannel(elsewhere.address, service=SERVICE, network=transport.network) as channel:
            assert not isinstance(channel.channel, LocalChannel)
            assert (await say(channel)).value == "hello"


async def test_the_wire_stays_open_for_those_outside(transport: Transport) -> None:
    echo = Echo()
    async with transport.serve(echo) as server, grpc.aio.insecure_channel(server.address) as outside:
        await server.set_serving(SERVICE, serving=True)
        async with transport.dial(server.address) as channel:
            await asyncio.gather(say(channel), EchoStub(outside).say(HELLO, timeout=2))
    assert echo.begun_count == 2


async def test_a_handler_that_does_not_end_at_its_deadline_does_not_hold_its_caller(transport: Transport) -> None:
    release = asyncio.Event()

    async def stubborn(_: str) -> str:
        while not release.is_set():
            with suppress(asyncio.CancelledError):
                await release.wait()
        return ""

    async with transport.serve(Echo(answer=stubborn)) as server:
        await server.set_serving(SERVICE, serving=True)
        async with transport.dial(server.address) as channel:
            async with asyncio.timeout(2):
                assert isinstance(await failure_of(say(channel, seconds=0.3)), DeadlineExceeded)
            assert server.in_flight_count == 1
            release.set()
            await until(lambda: server.in_flight_count == 0)


async def test_a_reader_that_is_slow_holds_its_handler_back(transport: Transport) -> None:
    echo, piece = Echo(), "x" * 10_000

    class Flood(Echo):
        async def count(self, request: StringValue, context: object):  # type: ignore[no-untyped-def]
            while True:
                echo.begun_count += 1
                yield StringValue(value=piece)

    async with transport.serve(Flood()) as server:
        await server.set_serving(SERVICE, serving=True)
        async with transport.dial(server.address) as channel:
            stub = EchoStub(channel.channel)
            async with channel.stream(stub.count, HELLO, deadline=Deadline.after(5)) as messages:
                await anext(messages)
                await asyncio.sleep(0.05)
                assert echo.begun_count <= MAX_UNREAD_BYTES / len(piece) + 3
                for _ in range(100):
                    await anext(messages)


async def test_a_handler_that_ignores_its_end_does_not_hold_the_server(transport: Transport) -> None:
    release = asyncio.Event()

    async def stubborn(_: str) -> str:
        while not release.is_set():
            with suppress(asyncio.CancelledError):
                await release.wait()
        return ""

    echo = Echo(answer=stubborn)
    async with asyncio.timeout(5):
        async with transport.serve(echo, drain_s=0.1) as server:
            await server.set_serving(SERVICE, serving=True)
            calling = asyncio.create_task(failure_of(say(transport.dial(server.address))))
            await echo.started.wait()
        assert isinstance(await calling, Unavailable | DeadlineExceeded)
    release.set()
    await until(lambda: server.in_flight_count == 0)


async def test_what_is_written_after_the_end_is_not_kept() -> None:
    exchange = Exchange()
    exchange.cancel()
    for _ in range(3):
        await exchange.write(b"x" * MAX_UNREAD_BYTES)
    assert await exchange.read() is None


async def test_a_channel_that_is_closed_leaves_its_calls_and_takes_no_more(transport: Transport) -> None:
    async def never(_: str) -> str:
        await asyncio.Event().wait()
        return ""

    echo = Echo(answer=never)
    async with transport.serve(echo) as server:
        await server.set_serving(SERVICE, serving=True)
        channel = transport.dial(server.address)
        calling = say(channel)
        await echo.started.wait()
        await channel.channel.close()
        with pytest.raises(asyncio.CancelledError):
            await calling
        await until(lambda: echo.cancelled_count == 1)
        assert isinstance(await failure_of(say(channel)), Unavailable)


async def test_a_server_that_has_ended_takes_no_call_and_is_forgotten(transport: Transport) -> None:
    async with transport.serve(Echo()) as server:
        await server.set_serving(SERVICE, serving=True)
        channel = transport.dial(server.address)
    async with channel:
        error = await failure_of(say(channel))
    assert (type(error), error.reason) == (Unavailable, "dependency_down")
    assert transport.network is not None
    assert transport.network.channel_to(server.address, service=SERVICE, retryable_methods=[], max_message_bytes=1) is None


async def test_a_message_that_cannot_be_written_is_a_fault_of_ours(transport: Transport) -> None:
    class Confused(Echo):
        async def say(self, request: StringValue, context: object) -> StringValue:
            return "canary"  # type: ignore[return-value]  # the bug

    log, logged = capturing_log()
    async with transport.serve(Confused(), log=log) as server:
        await server.set_serving(SERVICE, serving=True)
        async with transport.dial(server.address) as channel:
            error = await failure_of(say(channel))
    assert error.reason == "internal"
    assert "canary" not in str(error)
    assert [entry["event"] for entry in logged.entries if entry["log_level"] == "error"] == ["local_call_crashed"]


async def test_an_answer_above_the_callers_limit_is_refused(transport: Transport) -> None:
    async def large(_: str) -> str:
        return "x" * 2_000

    async with transport.serve(Echo(answer=large), limits=GrpcServerLimits()) as server:
        await server.set_serving(SERVICE, serving=True)
        async with transport.dial(server.address, max_message_bytes=1_000) as channel:
            assert (await failure_of(say(channel))).reason == "overloaded"


async def test_a_stream_whose_end_is_read_is_over(transport: Transport) -> None:
    class Three(Echo):
        async def count(self, request: StringValue, context: object):  # type: ignore[no-untyped-def]
            for number in range(3):
                yield StringValue(value=str(number))

    async with transport.serve(Three()) as server:
        await server.set_serving(SERVICE, serving=True)
        async with transport.dial(server.address) as channel:
            stub = EchoStub(channel.channel)
            async with channel.stream(stub.count, HELLO, deadline=Deadline.after(5)) as messages:
                assert [message.value async for message in messages] == ["0", "1", "2"]
                await read_all(messages)
