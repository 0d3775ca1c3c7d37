import asyncio

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from pointsman.kit.deadline import Deadline
from pointsman.kit.errors import Unavailable
from tests.integration.kit.echo import SERVICE, Echo, EchoStub, open_channel, serve_echo, until

HELLO = StringValue(value="hello")


@pytest.mark.parametrize("retryable", [True, False], ids=["may be repeated", "may not"])
async def test_calls_spread_over_replicas_and_none_fails_while_one_leaves_under_load(retryable: bool) -> None:  # noqa: FBT001  # a table's column
    leaver, stayer = Echo(), Echo()
    leaving = serve_echo(leaver, drain_s=2)
    first = await leaving.__aenter__()
    async with serve_echo(stayer) as second:
        await first.set_serving(SERVICE, serving=True)
        await second.set_serving(SERVICE, serving=True)
        async with open_channel(f"ipv4:{first.address},{second.address}", retryable=retryable) as channel:
            stub = EchoStub(channel.channel)
            left = asyncio.Event()

            async def call_until_left() -> None:
                while not left.is_set():
                    await channel.call(stub.say, HELLO, deadline=Deadline.after(5))

            async with asyncio.TaskGroup() as group:
                for _ in range(8):
                    group.create_task(call_until_left())
                await until(lambda: min(leaver.begun_count, stayer.begun_count) > 20)
                await leaving.__aexit__(None, None, None)
                count = stayer.begun_count
                await until(lambda: stayer.begun_count > count + 20)
                left.set()


async def test_a_replica_that_says_not_serving_gets_no_calls() -> None:
    resting, working = Echo(), Echo()
    async with serve_echo(resting) as first, serve_echo(working) as second:
        await second.set_serving(SERVICE, serving=True)
        async with open_channel(f"ipv4:{first.address},{second.address}") as channel:
            stub = EchoStub(channel.channel)
            for _ in range(20):
                await channel.call(stub.say, HELLO, deadline=Deadline.after(5))
    assert (resting.begun_count, working.begun_count) == (0, 20)


async def test_a_replica_that_keeps_failing_is_left_out_for_a_while() -> None:
    """What a frozen replica looks like: gRPC's keepalive does not find it, outlier detection does."""
    failing, working = Echo(failure=Unavailable("dependency_down", "frozen")), Echo()
    async with serve_echo(failing) as first, serve_echo(working) as second:
        await first.set_serving(SERVICE, serving=True)
        await second.set_serving(SERVICE, serving=True)
        async with open_channel(f"ipv4:{first.address},{second.address}") as channel:
            stub = EchoStub(channel.channel)

            async def call_for(seconds: float) -> int:
                deadline = Deadline.after(seconds)
                while not deadline.expired:
                    await asyncio.gather(channel.call(stub.say, HELLO, deadline=Deadline.after(5)), return_exceptions=True)
                    await asyncio.sleep(0.01)
                return failing.begun_count

            await call_for(2.2)  # two intervals of detection
            before = failing.begun_count
            assert await call_for(0.5) == before
    assert before > 3
